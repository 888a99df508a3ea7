"""Configuration files: the examples load; each mistake has its own error, naming file and key."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from paripassu.config import (
    CHANGE_CLASSES,
    COMPATIBILITY_LEVELS,
    Compatibility,
    holder_salt,
    load_breakdown,
    load_event,
    load_network,
    load_securities,
    load_security,
    security_of,
)
from paripassu.custody import holder_commitment
from paripassu.errors import (
    BreakdownRefused,
    EventDatesRefused,
    EventNotLegal,
    FileUnreadable,
    InconsistentFile,
    InvalidAccount,
    InvalidIsin,
    InvalidLedgerId,
    InvalidLei,
    InvalidQuantity,
    InvalidRate,
    InvalidToml,
    InvalidValue,
    InvalidVersion,
    MissingKey,
    MissingVariable,
    NegativeQuantity,
    PariError,
    SecretInFile,
    UnknownCountry,
    UnknownCurrency,
    UnknownKey,
    UnknownRole,
)
from paripassu.events import LedgerLoss
from paripassu.identifiers import LedgerId
from paripassu.jobs.storing import store_place
from paripassu.quantities import Rate, Units
from paripassu.rules import RuleSet, Window
from paripassu.workspace import Workspace

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = Path(__file__).parent / "files"  # apart from the examples, which may tell another story
NETWORK = FILES / "local.toml"
EQUITY = FILES / "securities" / "example-equity.toml"
DIVIDEND = FILES / "2027-03-dividend.toml"
BREAKDOWN = FILES / "breakdown.toml"


def changed(file: Path, folder: Path, old: str, new: str) -> Path:
    """A copy of a file with one place changed."""
    text = file.read_text(encoding="utf-8")
    assert old in text, old
    copy = folder / file.name
    copy.write_text(text.replace(old, new, 1), encoding="utf-8")
    return copy


@pytest.mark.parametrize("network", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_shipped_example_loads(network: Path) -> None:
    if "dividend" in network.name:
        assert load_event(network, load_security(EXAMPLES / "securities" / "example-equity.toml")).record
    else:
        assert load_security(load_network(network).security_path).security_id


@pytest.mark.parametrize("breakdown", sorted((EXAMPLES / "custody").glob("*.toml")), ids=lambda p: p.name)
def test_every_shipped_breakdown_loads(breakdown: Path) -> None:
    assert load_breakdown(breakdown, "local", {}).total > 0


def test_network_has_the_four_ledgers_of_the_demo() -> None:
    network = load_network(NETWORK)
    assert network.is_local
    assert network.home_ledger.id == "eip155:31001"
    assert network.ledger_ids == ("eip155:31001", "eip155:31002", "eip155:31003", "book:register")
    assert [ledger.blocks.reorg_period for ledger in network.ledgers.values()][:3] == [2, 3, 1]
    assert network.ledgers["charlie"].devnet is not None
    assert network.ledgers["charlie"].devnet.client == "ganache"
    assert network.attestors.threshold == 2
    assert len({member.entity for member in network.attestors.members}) == 3
    assert network.roles["issuer_agent"] == ("dev:issuer_agent",)
    assert next(iter(network.cash.values())).symbol == "EURC1"
    assert network.security_path == EQUITY
    assert network.ledger_named(LedgerId("book:register")).name == "register"
    with pytest.raises(InconsistentFile):
        network.ledger_named(LedgerId("eip155:1"))


def test_network_may_have_several_securities_and_means_the_first(tmp_path: Path) -> None:
    second = changed(EQUITY, tmp_path, 'isin = "FR0014ZZPPS9"', 'isin = "FR0014ZZPPT7"')
    several = f'security = "{EQUITY}"\nsecurities = ["{EQUITY}", "{second}"]'
    network = load_network(changed(NETWORK, tmp_path, 'security = "securities/example-equity.toml"', several))
    assert network.security_paths == (EQUITY, second)
    assert list(load_securities(network)) == ["FR0014ZZPPS9", "FR0014ZZPPT7"]
    assert security_of(network).isin == "FR0014ZZPPS9"
    assert security_of(network, "FR0014ZZPPT7").isin == "FR0014ZZPPT7"
    with pytest.raises(InconsistentFile, match="the network has no US0378331005"):
        security_of(network, "US0378331005")


def test_network_names_a_security_and_none_twice(tmp_path: Path) -> None:
    none = changed(NETWORK, tmp_path, 'security = "securities/example-equity.toml"', "")
    with pytest.raises(MissingKey, match="'security' is missing"):
        load_network(none)
    again = tmp_path / "again.toml"
    again.write_text(EQUITY.read_text())
    twice = f'securities = ["{EQUITY}", "{again}"]'
    network = load_network(changed(NETWORK, tmp_path, 'security = "securities/example-equity.toml"', twice))
    with pytest.raises(InconsistentFile, match="two files are of FR0014ZZPPS9"):
        load_securities(network)


def test_ver_6_notice_is_none_on_a_local_network_and_days_elsewhere(tmp_path: Path) -> None:
    local = load_network(NETWORK).approvals
    assert (local.threshold, local.correction_threshold, local.change_class) == (2, 2, "technical")
    assert tuple(local.notice) == (*CHANGE_CLASSES, "roles")
    assert set(local.notice.values()) == {0}
    told = "[approvals]\nthreshold = 3\nnotice = { technical = 60 }\n[attestors]"
    path = changed(NETWORK, tmp_path, "[attestors]", told)
    assert load_network(path).approvals.threshold == 3
    assert load_network(path).approvals.notice["technical"] == 60
    assert load_network(path).approvals.notice["regulatory"] == 0
    text = re.sub(r"dev:(\w+)", r"${PARI_\1}", NETWORK.read_text())
    text = re.sub(r"\[ledgers\.(bravo|charlie)[^#]*?(?=\n\[)|\[ledgers\.alpha\.devnet][^\[]*", "", text)
    text = text.replace('environment = "local"', 'environment = "pilot"')
    text = text.replace("chainId = 31001", 'chainId = 31001\nrpcUrls = ["https://node"]')
    pilot = tmp_path / "pilot.toml"
    pilot.write_text(text)
    assert load_network(pilot).approvals.notice["technical"] == 14 * 86_400
    assert load_network(pilot).approvals.notice["roles"] == 2 * 86_400
    assert (local.administrator, local.quorum_names_roles) == ("deployer", False)
    assert load_network(pilot).approvals.quorum_names_roles, "one key alone names no quorum there (CTL-12)"
    pilot.write_text(text.replace("[attestors]", '[approvals]\nadministrator = "deployer"\n[attestors]'))
    assert not load_network(pilot).approvals.quorum_names_roles


def test_ver_4_network_file_judges_pairs_of_versions(tmp_path: Path) -> None:
    assert load_network(NETWORK).compatibility == ()
    told = '[[compatibility]]\nversions = ["1.10.0", "1.2.3"]\nlevel = "exchange"\n[attestors]'
    (one,) = load_network(changed(NETWORK, tmp_path, "[attestors]", told)).compatibility
    assert one == Compatibility((0x10203, 0x10A00), COMPATIBILITY_LEVELS.index("exchange"))


def test_attestors_legal_entity_is_its_lei_on_chains() -> None:
    member = load_network(NETWORK).attestors.members[0]
    assert member.entity_id == b"529900CSDATTEST00066" + bytes(12)


def test_local_nodes_fill_in_the_rpc_urls() -> None:
    network = load_network(NETWORK).with_rpc_urls({"alpha": "http://127.0.0.1:1"})
    assert network.ledgers["alpha"].rpc_urls == ("http://127.0.0.1:1",)
    assert network.ledgers["bravo"].rpc_urls == ()


def test_rpc_urls_come_from_the_environment(tmp_path: Path) -> None:
    path = changed(
        NETWORK, tmp_path, "chainId = 31001", 'chainId = 31001\nrpcUrls = ["https://${PARI_RPC_ALPHA}/x"]'
    )
    assert load_network(path, {"PARI_RPC_ALPHA": "node"}).ledgers["alpha"].rpc_urls == ("https://node/x",)
    with pytest.raises(
        MissingVariable, match=r"ledgers\.alpha\.rpcUrls: the environment variable PARI_RPC_ALPHA"
    ):
        load_network(path, {})


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        (
            "reorgPeriod = 2",
            "reorgPeriodd = 2",
            UnknownKey,
            "'ledgers.alpha.blocks.reorgPeriodd' is not known; did you mean 'reorgPeriod'?",
        ),
        ("chainId = 31001", "chainID = 31001", UnknownKey, "did you mean 'chainId'?"),
        (
            'home = "alpha"',
            'home = "alpha"\nzzz = 1',
            UnknownKey,
            "the keys here are schema, environment, home",
        ),
        (
            "[attestors]\nthreshold = 2",
            "[approvals]\nthreshold = 1\n[attestors]\nthreshold = 2",
            InvalidValue,
            "approvals.threshold",
        ),
        (
            "[attestors]",
            '[[compatibility]]\nversions = ["1.0.0", "1.0.256"]\nlevel = "read"\n[attestors]',
            InvalidVersion,
            "compatibility[0].versions: '1.0.256' is no version",
        ),
        (
            "[attestors]",
            '[[compatibility]]\nversions = ["1.0.0", "1.0.0"]\nlevel = "read"\n[attestors]',
            InconsistentFile,
            "a version always exchanges units with itself",
        ),
        (
            "[attestors]",
            2 * '[[compatibility]]\nversions = ["1.0.0", "2.0.0"]\nlevel = "read"\n' + "[attestors]",
            InconsistentFile,
            "compatibility[1].versions: 1.0.0 and 2.0.0 are judged twice",
        ),
        (
            "[attestors]",
            '[[compatibility]]\nversions = ["1.0.0", "2.0.0"]\nlevel = "write"\n[attestors]',
            InvalidValue,
            "compatibility.0.level",
        ),
        ('home = "alpha"', "", MissingKey, "the key 'home' is missing"),
        ("chainId = 31001\n", "", MissingKey, "'ledgers.alpha.chainId' is missing"),
        (
            "chainId = 31001",
            "chainId = 31009",
            InconsistentFile,
            "chainId 31009 does not fit caip2 'eip155:31001'",
        ),
        ("chainId = 31001", 'chainId = "31001"', InvalidValue, "'ledgers.alpha.chainId' cannot be used"),
        ("reorgPeriod = 2", "reorgPeriod = -1", InvalidValue, "ledgers.alpha.blocks.reorgPeriod"),
        ('client = "ganache"', 'client = "geth"', InvalidValue, "ledgers.charlie.devnet.client"),
        ('home = "alpha"', 'home = "delta"', InconsistentFile, "'delta' is none of the ledgers"),
        ('home = "alpha"', 'home = "register"', InconsistentFile, "is no EVM chain"),
        ('"eip155:31002"', '"eip155:031002"', InvalidLedgerId, "ledgers.bravo.caip2"),
        (
            'protocol = "book"',
            'protocol = "evm"',
            InconsistentFile,
            "protocol 'evm' does not fit 'book:register'",
        ),
        (
            "threshold = 2 ",
            "threshold = 4 ",
            InconsistentFile,
            "4 entities must sign, but the attestors are 3",
        ),
        ("threshold = 2 ", "threshold = 1 ", InvalidValue, "attestors.threshold"),
        ("529900CSDATTEST00066", "529900CSDATTEST00067", InvalidLei, "attestors.members[0].entity"),
        ("529900CUSTODIANATT47", "529900CSDATTEST00066", None, ""),
        (
            '"dev:attestor_auditor"',
            '"dev:attestor_csd"',
            InconsistentFile,
            "two attestors have the same signer",
        ),
        ('issuer = "dev', 'isuer = "dev', UnknownRole, "roles.isuer: 'isuer' is no role"),
        ('"dev:issuer"', '"somebody"', InconsistentFile, "roles.issuer: a signer is"),
        ('"dev:issuer"', f'"0x{"1" * 64}"', SecretInFile, "a private key stands in the file"),
        ("[cash.EUR]", "[cash.EURO]", UnknownCurrency, "cash.EURO"),
        (
            'environment = "local"',
            'environment = "pilot"',
            InconsistentFile,
            "only EVM ledgers of a local network",
        ),
        ('schema = "paripassu.network/1"', 'schema = "paripassu.network/2"', InvalidValue, "'schema'"),
        ('home = "alpha"', 'home = "alpha', InvalidToml, "is not TOML"),
    ],
)
def test_each_mistake_in_a_network_file_has_its_error(
    tmp_path: Path, old: str, new: str, error: type[PariError] | None, words: str
) -> None:
    path = changed(NETWORK, tmp_path, old, new)
    if error is None:  # two attestors of one entity are allowed while enough entities remain
        assert len(load_network(path).attestors.members) == 3
        return
    with pytest.raises(error) as refusal:
        load_network(path)
    assert words in refusal.value.sentence
    assert str(path) in refusal.value.sentence


def test_acc_3_two_attestors_of_one_entity_count_once(tmp_path: Path) -> None:
    path = changed(NETWORK, tmp_path, "529900CUSTODIANATT47", "529900CSDATTEST00066")
    path.write_text(path.read_text().replace("threshold = 2 ", "threshold = 3 "))
    with pytest.raises(InconsistentFile, match="3 entities must sign, but the attestors are 2 distinct"):
        load_network(path)


MEMBER = 'signer = "dev:attestor_csd"'
TWO = '["https://one.example/${CSD_KEY}", "https://two.example"]'


def test_a2_an_attestor_may_have_endpoints_and_a_key_of_its_own(tmp_path: Path) -> None:
    address = "0x52908400098527886E0F7030069857D2E4169EE7"
    spec = f"web3signer:https://signer.example/${{CSD_SIGNER}}#{address.lower()}"
    more = f'signer = "{spec}"\naddress = "{address.lower()}"\nagree = 2\nrpcUrls.alpha = {TWO}'
    member = load_network(changed(NETWORK, tmp_path, MEMBER, more), {}).attestors.members[0]
    assert (member.signer, member.address, member.agree) == (spec, address, 2)
    # as written: the variables are set where the attestor runs, and nowhere else
    assert member.rpc_urls == {"alpha": ("https://one.example/${CSD_KEY}", "https://two.example")}
    plain = load_network(NETWORK).attestors.members[0]
    assert (plain.address, plain.agree, plain.rpc_urls) == ("", 0, {})


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ("rpcUrls.delta = []", InconsistentFile, "'delta' is none of the network's chains"),
        (
            'rpcUrls.register = ["https://one"]',
            InconsistentFile,
            "'register' is none of the network's chains",
        ),
        ("rpcUrls.alpha = []", InconsistentFile, "needs one endpoint or more"),
        ('rpcUrls.alpha = ["https://one", "https://one"]', InconsistentFile, "each of them once"),
        (f"agree = 1\nrpcUrls.alpha = {TWO}", InconsistentFile, "at least 2 must answer alike"),
        (f"agree = 3\nrpcUrls.alpha = {TWO}", InconsistentFile, "3 endpoints of 'alpha' must answer alike"),
        ("agree = -1", InvalidValue, "agree"),
        ('address = "0x12"', InvalidAccount, "attestors.members[0].address"),
        ('rpcUrls.alpha = ["https://user:secret@one"]', SecretInFile, "a URL holds a password"),
    ],
)
def test_each_mistake_about_an_attestors_endpoints_has_its_error(
    tmp_path: Path, more: str, error: type[PariError], words: str
) -> None:
    with pytest.raises(error) as refusal:
        load_network(changed(NETWORK, tmp_path, MEMBER, f"{MEMBER}\n{more}"), {})
    assert words in refusal.value.sentence
    assert "secret" not in refusal.value.sentence


def test_remote_signers_name_no_password_and_no_attestor_is_called_like_the_relayer(tmp_path: Path) -> None:
    address = "0x" + "12" * 20
    bad = f'signer = "web3signer:https://user:secret@signer.example#{address}"'
    with pytest.raises(SecretInFile, match=r"attestors\.members\[0\]\.signer: a URL holds a password"):
        load_network(changed(NETWORK, tmp_path, MEMBER, bad))
    for spec in ("web3signer:https://signer.example", f"web3signer:#{address}"):
        with pytest.raises(InconsistentFile, match="a signer is"):
            load_network(changed(NETWORK, tmp_path, MEMBER, f'signer = "{spec}"'))
    with pytest.raises(InconsistentFile, match="no attestor is called 'relayer'"):
        load_network(changed(NETWORK, tmp_path, 'name = "attestor_csd"', 'name = "relayer"'))


def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    secret = "5" * 64
    for path in (
        changed(NETWORK, tmp_path, '"dev:issuer"', f'"{secret}"'),
        changed(
            NETWORK, tmp_path, "chainId = 31001", f'chainId = 31001\nrpcUrls = ["https://user:{secret}@node"]'
        ),
    ):
        with pytest.raises(SecretInFile) as refusal:
            load_network(path)
        assert secret not in str(refusal.value)


def test_the_stores_url_comes_from_the_environment_and_is_never_shown(tmp_path: Path) -> None:
    home = 'home = "alpha"'
    path = changed(NETWORK, tmp_path, home, f'{home}\nstore = "${{PARI_STORE_URL}}"')
    url = "postgresql://pari:s3cret@host/bridge"
    network = load_network(path, {"PARI_STORE_URL": url})
    assert network.store == url
    assert "s3cret" not in repr(network)
    with pytest.raises(MissingVariable, match="store: the environment variable PARI_STORE_URL is not set"):
        load_network(path, {})
    with pytest.raises(SecretInFile) as refused:
        load_network(changed(NETWORK, tmp_path, home, f'{home}\nstore = "{url}"'))
    assert "s3cret" not in str(refused.value)
    assert load_network(NETWORK).store == ""


def test_the_store_is_where_the_environment_says_then_the_network_file_then_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, workspace = load_network(NETWORK), Workspace(tmp_path / "ws")
    monkeypatch.delenv("PARI_STORE", raising=False)
    assert store_place(network, workspace) == tmp_path / "ws" / "bridge.db"
    named = replace(network, store="postgresql://host/bridge")
    assert store_place(named, workspace) == "postgresql://host/bridge"
    monkeypatch.setenv("PARI_STORE", "sqlite:///elsewhere.db")
    assert store_place(named, workspace) == "sqlite:///elsewhere.db"


def test_two_ledgers_with_one_id_are_refused(tmp_path: Path) -> None:
    path = changed(NETWORK, tmp_path, '"eip155:31002"', '"eip155:31001"')
    path.write_text(path.read_text().replace("chainId = 31002", "chainId = 31001"))
    with pytest.raises(InconsistentFile, match="ledgers 'alpha' and 'bravo' are both"):
        load_network(path)


def test_outside_a_local_network_known_keys_and_missing_urls_are_refused(tmp_path: Path) -> None:
    text = NETWORK.read_text().replace('environment = "local"', 'environment = "pilot"')
    for client in ("anvil", "anvil", "ganache"):
        start = text.index("[ledgers.", text.index(f'client = "{client}"') - 40)
        text = text[:start] + text[text.index(f'client = "{client}"') + len(f'client = "{client}"') :]
    path = tmp_path / "pilot.toml"
    path.write_text(text)
    with pytest.raises(MissingKey, match=r"ledgers\.alpha\.rpcUrls' needs at least one URL"):
        load_network(path)
    for number in (1, 2, 3):
        text = text.replace(f"chainId = 3100{number}", f'chainId = 3100{number}\nrpcUrls = ["http://node"]')
    path.write_text(text)
    with pytest.raises(
        InconsistentFile, match="is a key that everybody knows, refused in environment 'pilot'"
    ):
        load_network(path)


def test_a_file_that_is_not_there_or_not_text_is_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="does not exist"):
        load_network(tmp_path / "missing.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FileUnreadable, match="cannot be read"):
        load_network(tmp_path / "binary.toml")


def test_security_loads_with_its_terms_hashed_as_they_stand(tmp_path: Path) -> None:
    security = load_security(EQUITY)
    assert security.isin == "FR0014ZZPPS9"
    assert (security.issue_size, security.settlement_cycle) == (1_000_000, 2)
    assert security.rules == RuleSet(frozenset(("DE", "FR", "GB", "LU", "US")), frozenset((1, 2, 3)))  # type: ignore[arg-type]
    assert load_security(EQUITY).security_id == security.security_id
    holiday = load_security(changed(EQUITY, tmp_path, "2027-01-01, ", ""))
    assert holiday.security_id == security.security_id
    other = load_security(changed(EQUITY, tmp_path, 'nominal = "1.00"', 'nominal = "2.00"'))
    assert other.security_id != security.security_id
    assert other.isin == security.isin


RULES_OF_THE_FILE = "classes = [1, 2, 3]"
FURTHER_RULES = """classes = [1, 2, 3]
holdingCap = 100_000
holderLimit = 500
minimumLot = 10
blackout = [[1803945600, 1804032000], [1804100000, 1804100001]]
"""


def test_ctl_4_a_security_file_may_have_further_rules(tmp_path: Path) -> None:
    path = changed(EQUITY, tmp_path, RULES_OF_THE_FILE, FURTHER_RULES)
    security, plain = load_security(path), load_security(EQUITY)
    assert security.rules == replace(
        plain.rules,
        holding_cap=Units(100_000),
        holder_limit=500,
        minimum_lot=Units(10),
        blackout=(Window(1_803_945_600, 1_804_032_000), Window(1_804_100_000, 1_804_100_001)),
    )
    assert security.terms_hash != plain.terms_hash
    assert b'"blackout":[[1803945600,1804032000]' in security.terms_json


def test_ctl_4_countries_can_be_denied_in_place_of_allowed(tmp_path: Path) -> None:
    path = changed(EQUITY, tmp_path, 'countries = ["DE", "FR", "GB", "LU", "US"]', 'countriesDenied = ["KP"]')
    rules = load_security(path).rules
    assert (rules.countries, rules.deny_list) == (frozenset({"KP"}), True)


def test_id_4_the_terms_hash_of_a_file_without_further_rules_is_what_it_was() -> None:
    expected = "0xecd05a28a51e1c1b93633c3fbe97ceed28f49c70ecb088ae64566e3eb2a201bc"
    assert load_security(EQUITY).terms_hash.text == expected


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        (
            "classes = [1, 2, 3]",
            "classes = [1]\nholdingCap = 0",
            InvalidValue,
            "terms.transferRules.holdingCap",
        ),
        ("classes = [1, 2, 3]", "classes = [1]\nminimumLot = 0", InvalidValue, "minimumLot"),
        ("classes = [1, 2, 3]", "classes = [1]\nholderLimit = 4_294_967_296", InvalidValue, "holderLimit"),
        ("classes = [1, 2, 3]", "classes = [1]\nblackout = [[5, 5]]", InvalidQuantity, "blackout"),
        ("classes = [1, 2, 3]", "classes = [1]\nblackout = [[5]]", InvalidValue, "blackout"),
        ("classes = [1, 2, 3]", 'classes = [1]\nblackout = [["5", 6]]', InvalidValue, "blackout"),
        (
            "classes = [1, 2, 3]",
            f"classes = [1]\nblackout = {[[n, n + 1] for n in range(9)]}",
            InvalidValue,
            "blackout",
        ),
        (
            "classes = [1, 2, 3]",
            'classes = [1]\ncountriesDenied = ["KP"]',
            InconsistentFile,
            "either 'countries' or 'countriesDenied'",
        ),
        (
            'countries = ["DE", "FR", "GB", "LU", "US"]',
            'countriesDenied = ["KP", "UK"]',
            UnknownCountry,
            "terms.transferRules.countriesDenied",
        ),
        (
            "FR0014ZZPPS9",
            "FR0014ZZPPS8",
            InvalidIsin,
            "isin: ISIN 'FR0014ZZPPS8' ends in check digit 8, but 9 is right",
        ),
        ("969500PARIPASSUISS50", "969500PARIPASSUISS51", InvalidLei, "lei: "),
        ('currency = "EUR"', 'currency = "EURO"', UnknownCurrency, "terms.currency"),
        ('"DE", "FR"', '"DE", "UK"', UnknownCountry, "terms.transferRules.countries"),
        ('"DE", "FR"', '"DE", "DE"', InconsistentFile, "listed twice"),
        ("classes = [1, 2, 3]", "classes = [32]", InvalidValue, "from 0 to 31"),
        ('"Europe/Paris"', '"Europe/Atlantis"', InvalidValue, "no time zone"),
        ('"Europe/Paris"', '"../etc/passwd"', InvalidValue, "no time zone"),
        ('"T+2"', '"T2"', InvalidValue, "terms.settlementCycle"),
        ("issueSize = 1_000_000", "issueSize = 0", InvalidValue, "terms.issueSize"),
        ("issueSize = 1_000_000", "issuSize = 1_000_000", UnknownKey, "did you mean 'issueSize'?"),
        ('nominal = "1.00"', 'nominal = "free"', InvalidRate, "terms.nominal"),
        ("holidays = [2027-01-01", 'holidays = ["2027-01-01"', InvalidValue, "market.holidays.0"),
    ],
)
def test_each_mistake_in_a_security_file_has_its_error(
    tmp_path: Path, old: str, new: str, error: type[PariError], words: str
) -> None:
    path = changed(EQUITY, tmp_path, old, new)
    with pytest.raises(error) as refusal:
        load_security(path)
    assert words in refusal.value.sentence
    assert str(path) in refusal.value.sentence


def test_event_loads_and_its_record_time_is_the_end_of_the_day_in_paris() -> None:
    event = load_event(DIVIDEND, load_security(EQUITY))
    assert event.record.rate == Rate("37/100")
    assert event.record.record_time == 1_804_287_599  # 2027-03-05T22:59:59Z
    assert event.record.security_id == load_security(EQUITY).security_id
    assert event.document["rate"] == "37/100"


def test_ca_1_equal_events_have_equal_records_however_they_are_spelt(tmp_path: Path) -> None:
    security = load_security(EQUITY)
    spelt = changed(DIVIDEND, tmp_path, 'rate = "0.37"  ', 'rate = "37/100"')
    assert load_event(spelt, security).record == load_event(DIVIDEND, security).record
    told = changed(DIVIDEND, tmp_path, "Ordinary dividend", "Special dividend")
    assert load_event(told, security).record.record_hash != load_event(DIVIDEND, security).record.record_hash


def test_rec_3_an_event_waits_for_a_lost_ledger_unless_its_file_says_that_it_proceeds(tmp_path: Path) -> None:
    security = load_security(EQUITY)
    plain = load_event(DIVIDEND, security)
    kind = 'participation = "MAND"'
    waits = load_event(changed(DIVIDEND, tmp_path, kind, f'{kind}\nonLedgerLoss = "wait"'), security)
    assert plain.on_ledger_loss is waits.on_ledger_loss is LedgerLoss.WAIT
    assert waits.record == plain.record, "what nothing is said of is said by it"
    proceeds = load_event(changed(DIVIDEND, tmp_path, kind, f'{kind}\nonLedgerLoss = "proceed"'), security)
    assert proceeds.on_ledger_loss is LedgerLoss.PROCEED
    assert proceeds.record.document_hash != plain.record.document_hash


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        (
            'participation = "MAND"',
            'participation = "MAND"\nonLedgerLoss = "skip"',
            InvalidValue,
            "onLedgerLoss",
        ),
        ('rate = "0.37"', "rate = 0.37", InvalidValue, "write it in quotes"),
        ('rate = "0.37"', 'rate = "0,37"', InvalidRate, "cash.rate: Rate '0,37'"),
        ("FR0014ZZPPS9", "FR0014ZZPPS1", InvalidIsin, "check digit"),
        ("FR0014ZZPPS9", "US0378331005", InconsistentFile, "but the security is FR0014ZZPPS9"),
        ('currency = "EUR"', 'currency = "EUX"', UnknownCurrency, "cash.currency"),
        ('eventType = "DVCA"', 'eventType = "DIVI"', InvalidValue, "eventType"),
        ('"RDDN"', '"RDUP"', InvalidValue, "cash.fractionDisposition"),
        ("record = 2027-03-05", "recordDate = 2027-03-05", UnknownKey, "did you mean 'record'?"),
        ("record = 2027-03-05", 'record = "2027-03-05"', InvalidValue, "dates.record"),
        ('"FR2027DVCA000042"', '"fr-2027"', InvalidValue, "officialEventId"),
    ],
)
def test_each_mistake_in_an_event_file_has_its_error(
    tmp_path: Path, old: str, new: str, error: type[PariError], words: str
) -> None:
    path = changed(DIVIDEND, tmp_path, old, new)
    with pytest.raises(error) as refusal:
        load_event(path, load_security(EQUITY))
    assert words in refusal.value.sentence
    assert str(path) in refusal.value.sentence


def test_ca_4_forbidden_dates_are_refused_from_the_file(tmp_path: Path) -> None:
    path = changed(DIVIDEND, tmp_path, "ex = 2027-03-04", "ex = 2027-03-05")
    with pytest.raises(EventDatesRefused, match=r"with T\+2 it is 2027-03-04"):
        load_event(path, load_security(EQUITY))


def test_id_8_the_classification_says_which_events_a_security_can_have(tmp_path: Path) -> None:
    interest = changed(DIVIDEND, tmp_path, 'eventType = "DVCA"', 'eventType = "INTR"')
    with pytest.raises(
        EventNotLegal, match="The CFI ESVUFR is an equity, which has no event INTR"
    ) as refusal:
        load_event(interest, load_security(EQUITY))
    assert refusal.value.code == "PP-EVT-003"
    assert f"{interest}, eventType: " in refusal.value.sentence
    bond = load_security(changed(EQUITY, tmp_path, 'cfi = "ESVUFR"', 'cfi = "DBFTFR"'))
    with pytest.raises(EventNotLegal, match="a debt instrument, which has no event DVCA"):
        load_event(DIVIDEND, bond)
    with pytest.raises(InvalidValue, match="this version pays DVCA, not INTR"):
        load_event(interest, bond)  # legal, and not built yet


def test_id_8_the_regulatory_class_is_of_the_terms_and_fits_the_classification(tmp_path: Path) -> None:
    form = 'form = "registered"'
    written = changed(EQUITY, tmp_path, form, f'{form}\nregulatoryClass = "TRANSFERABLE_SECURITY"')
    security = load_security(written)
    assert security.terms["regulatoryClass"] == "TRANSFERABLE_SECURITY"
    assert security.terms_hash != load_security(EQUITY).terms_hash  # it is in the hash that is on chains
    for other, words in (("FUND_UNIT", "CFI ESVUFR is no FUND_UNIT"), ("SHARE", "'SHARE' is none")):
        wrong = changed(EQUITY, tmp_path, form, f'{form}\nregulatoryClass = "{other}"')
        with pytest.raises(InvalidValue, match=words):
            load_security(wrong)


def test_id_6_terms_promise_no_other_entitlement_of_pledged_units_than_ledgers_keep(tmp_path: Path) -> None:
    voting = 'voting = "One vote for each share."'
    kept = changed(EQUITY, tmp_path, voting, f'{voting}\npledgedEntitlement = "PLEDGOR"')
    assert load_security(kept).terms["rights"]["pledgedEntitlement"] == "PLEDGOR"  # type: ignore[index,call-overload]
    broken = changed(EQUITY, tmp_path, voting, f'{voting}\npledgedEntitlement = "PLEDGEE"')
    with pytest.raises(InvalidValue, match=r"rights\.pledgedEntitlement: .* 'PLEDGEE' would not be kept"):
        load_security(broken)


def test_breakdown_loads_with_commitments_in_place_of_identities() -> None:
    breakdown = load_breakdown(BREAKDOWN, "local", {})
    assert breakdown.total == 100_000
    assert breakdown.as_of == 1_803_978_000
    assert breakdown.lines[0].holder == holder_commitment(holder_salt("local", {}), "529900CLIENTONE00034")


def test_ubo_5_outside_a_local_network_the_salt_must_be_given() -> None:
    with pytest.raises(MissingVariable, match="PARI_HOLDER_SALT is not set"):
        load_breakdown(BREAKDOWN, environ={})
    with pytest.raises(InvalidValue, match="has 5 bytes; 16 are needed"):
        load_breakdown(BREAKDOWN, environ={"PARI_HOLDER_SALT": "short"})
    salted = load_breakdown(BREAKDOWN, environ={"PARI_HOLDER_SALT": "a salt of enough bytes"})
    assert salted.root != load_breakdown(BREAKDOWN, "local", {}).root


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ("529900CLIENTONE00034", "529900CLIENTONE00035", InvalidLei, "clients[0].identity"),
        ("units = 60_000", "units = -1", NegativeQuantity, "clients[0].units"),
        ("units = 60_000", "units = 0", BreakdownRefused, "0 units"),
        ("96950000CLIENTTHRE74", "529900CLIENTONE00034", BreakdownRefused, "twice"),
        ("units = 60_000", "units = 0.5", InvalidValue, "clients.0.units"),
        ("0x83E46aBD40eADda0b2a82093034D128f7946D065", "0x83E4", InvalidAccount, "account"),
        ("2027-03-02T09:00:00Z", "2027-03-02T09:00:00", InvalidValue, "asOf"),
        ('kind = "OOAC"', 'kind = "OWN"', InvalidValue, "clients.3.kind"),
        ('identityType = "LEI"', 'identitytype = "LEI"', UnknownKey, "did you mean 'identityType'?"),
    ],
)
def test_each_mistake_in_a_breakdown_file_has_its_error(
    tmp_path: Path, old: str, new: str, error: type[PariError], words: str
) -> None:
    path = changed(BREAKDOWN, tmp_path, old, new)
    with pytest.raises(error) as refusal:
        load_breakdown(path, "local", {})
    assert words in refusal.value.sentence
    assert str(path) in refusal.value.sentence
