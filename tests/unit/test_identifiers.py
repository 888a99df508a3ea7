"""Identifiers validate when they are made; each wrong one has its own refusal (ID-1, ID-2, ID-7)."""

from __future__ import annotations

import pytest

from paripassu.errors import (
    IdentifierError,
    InvalidAccount,
    InvalidAssetId,
    InvalidBytes32,
    InvalidCfi,
    InvalidDti,
    InvalidFisn,
    InvalidInteropAddress,
    InvalidIsin,
    InvalidLedgerId,
    InvalidLei,
    InvalidVersion,
    UnknownCountry,
    UnknownCurrency,
    UnknownRole,
)
from paripassu.identifiers import (
    ROLES,
    ZERO32,
    AccountId,
    AssetId,
    Bytes32,
    Cfi,
    Country,
    CurrencyCode,
    Dti,
    Fisn,
    InteropAddress,
    Isin,
    LedgerId,
    Lei,
    account_from_bytes,
    account_to_bytes,
    keccak256,
    role_id,
    security_id,
    version_tag,
    version_text,
)

ALPHA = LedgerId("eip155:31001")
REGISTER = LedgerId("book:register")
ADDRESS = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"


@pytest.mark.parametrize(
    "isin", ["US0378331005", "FR0000120271", "DE0007164600", "XS2178857285", "FR0014ZZPPS9"]
)
def test_isin_with_right_check_digit_is_accepted(isin: str) -> None:
    assert Isin(isin) == isin


@pytest.mark.parametrize("position", range(12))
def test_id_2_isin_with_any_one_digit_changed_is_refused(position: int) -> None:
    good = "US0378331005"
    changed = str((int(good[position], 36) + 1) % 10) if good[position].isdigit() else "F"
    with pytest.raises(InvalidIsin):
        Isin(good[:position] + changed + good[position + 1 :])


def test_isin_refusal_names_the_right_check_digit() -> None:
    with pytest.raises(InvalidIsin, match="check digit 6, but 5 is right") as refusal:
        Isin("US0378331006")
    assert refusal.value.code == "PP-ID-002"


@pytest.mark.parametrize(
    "isin", ["", "us0378331005", "US037833100", "US03783310050", "QQ0378331005", "US037833100\u0665"]
)
def test_malformed_isin_is_refused(isin: str) -> None:
    with pytest.raises(InvalidIsin):
        Isin(isin)


@pytest.mark.parametrize("lei", ["5493001KJTIIGC8Y1R12", "HWUPKR0MPOU8FGXBT394", "969500PARIPASSUISS50"])
def test_lei_with_right_check_digits_is_accepted(lei: str) -> None:
    assert Lei(lei) == lei


@pytest.mark.parametrize("lei", ["5493001KJTIIGC8Y1R13", "5493001KJTIIGC8Y1R1", "5493001kjtiigc8y1r12"])
def test_id_2_wrong_lei_is_refused(lei: str) -> None:
    with pytest.raises(InvalidLei):
        Lei(lei)


def test_dti_of_ether_is_accepted_and_its_corruptions_refused() -> None:
    assert Dti("X9J9K872S") == "X9J9K872S"
    for wrong in ("X9J9K872T", "X9J9K8720", "09J9K872S", "X9J9K87AS", "X9J9K872"):
        with pytest.raises(InvalidDti):
            Dti(wrong)


def test_cfi_tells_category_and_whether_quoted_in_nominal() -> None:
    assert Cfi("ESVUFR").category == "E"
    assert not Cfi("ESVUFR").in_nominal
    assert Cfi("DBFTFB").in_nominal
    for wrong in ("ESVUF", "esvufr", "ZSVUFR"):
        with pytest.raises(InvalidCfi):
            Cfi(wrong)


def test_fisn_needs_issuer_slash_description() -> None:
    assert Fisn("PARIPASSU EX/SH") == "PARIPASSU EX/SH"
    for wrong in ("PARIPASSU EX", "A ISSUER NAME TOO LONG/SH", "PARIPASSU/" + "S" * 20, "/SH"):
        with pytest.raises(InvalidFisn):
            Fisn(wrong)


def test_currency_knows_its_minor_unit() -> None:
    assert [CurrencyCode(code).exponent for code in ("EUR", "JPY", "KWD", "CLF")] == [2, 0, 3, 4]
    for wrong in ("XAU", "eur", "EURO", "HRK"):
        with pytest.raises(UnknownCurrency):
            CurrencyCode(wrong)


def test_country_converts_to_and_from_its_numeric_code() -> None:
    assert [Country(code).numeric for code in ("DE", "FR", "GB", "US", "LU", "AF")] == [
        276,
        250,
        826,
        840,
        442,
        4,
    ]
    assert Country.from_numeric(250) == "FR"
    with pytest.raises(UnknownCountry):
        Country("UK")
    with pytest.raises(UnknownCountry):
        Country.from_numeric(999)


def test_evm_ledger_is_its_chain_id_and_book_ledger_a_hash_with_the_top_bit() -> None:
    assert ALPHA.is_evm
    assert ALPHA.numeric == ALPHA.chain_id == 31001
    assert not REGISTER.is_evm
    assert REGISTER.numeric == int.from_bytes(keccak256(b"book:register"), "big") | 1 << 255
    assert LedgerId.from_numeric(31001) == ALPHA
    assert LedgerId.from_numeric(REGISTER.numeric, [ALPHA, REGISTER]) == REGISTER
    with pytest.raises(InvalidLedgerId, match="no chain id"):
        _ = REGISTER.chain_id
    with pytest.raises(InvalidLedgerId, match="No known ledger"):
        LedgerId.from_numeric(REGISTER.numeric, [ALPHA])


@pytest.mark.parametrize(
    "text", ["eip155:", "eip155:01", "eip155:0", "eip155:x", "book:", "book:a b", "cosmos:hub"]
)
def test_malformed_ledger_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidLedgerId):
        LedgerId(text)


def test_accounts_convert_to_the_bytes_of_payloads_and_back() -> None:
    assert account_to_bytes(ALPHA, ADDRESS) == bytes.fromhex(ADDRESS[2:])
    assert account_from_bytes(ALPHA, bytes.fromhex(ADDRESS[2:])) == ADDRESS
    assert account_to_bytes(REGISTER, "HOLDER-FR-1") == b"HOLDER-FR-1"
    assert account_from_bytes(REGISTER, b"HOLDER-FR-1") == "HOLDER-FR-1"


@pytest.mark.parametrize(
    ("ledger", "account"),
    [
        (ALPHA, "0xD8dA6BF26964aF9D7eEd9e03E53415D37aA96045"),
        (ALPHA, ADDRESS[:-1]),
        (ALPHA, "HOLDER-FR-1"),
        (REGISTER, ""),
        (REGISTER, "holder:fr"),
        (REGISTER, "x" * 129),
    ],
)
def test_malformed_account_is_refused(ledger: LedgerId, account: str) -> None:
    with pytest.raises(InvalidAccount):
        account_to_bytes(ledger, account)


def test_account_bytes_that_are_no_account_are_refused() -> None:
    with pytest.raises(InvalidAccount):
        account_from_bytes(ALPHA, bytes(19))
    with pytest.raises(InvalidAccount):
        account_from_bytes(REGISTER, b"\xff\xfe")


def test_caip_10_account_is_one_value_whatever_its_letter_case() -> None:
    account = AccountId.parse(f"eip155:31001:{ADDRESS.lower()}")
    assert account == AccountId(ALPHA, ADDRESS)
    assert str(account) == f"eip155:31001:{ADDRESS}"
    assert account.raw_hash == keccak256(bytes.fromhex(ADDRESS[2:]))
    for wrong in (ADDRESS, "eip155:31001", ""):
        with pytest.raises(IdentifierError):
            AccountId.parse(wrong)


def test_caip_19_asset_round_trips_and_refuses_nonsense() -> None:
    text = f"eip155:31001/erc20:{ADDRESS}"
    assert str(AssetId.parse(text)) == text
    assert AssetId.parse(text.replace(ADDRESS, ADDRESS.lower())) == AssetId.parse(text)
    assert str(AssetId.parse("book:register/isin:FR0014ZZPPS9")) == "book:register/isin:FR0014ZZPPS9"
    for wrong in ("eip155:31001", "eip155:31001/erc20", "eip155:31001/E:1", "book:register/isin:a b"):
        with pytest.raises(InvalidAssetId):
            AssetId.parse(wrong)


def test_erc_7930_vectors_of_the_standard_and_of_book_entry() -> None:
    ethereum = InteropAddress(LedgerId("eip155:1"), ADDRESS)
    assert ethereum.encode().hex() == "00010000010114d8da6bf26964af9d7eed9e03e53415d37aa96045"
    book = InteropAddress(REGISTER, "HOLDER-FR-1")
    assert book.encode() == b"\x00\x01\xb0\x0c\x08register\x0bHOLDER-FR-1"
    for address in (ethereum, book, InteropAddress(ALPHA, ADDRESS)):
        assert InteropAddress.decode(address.encode()) == address


@pytest.mark.parametrize(
    "data",
    [
        "",
        "00020000010114d8da6bf26964af9d7eed9e03e53415d37aa96045",  # version
        "0001000002000114d8da6bf26964af9d7eed9e03e53415d37aa96045",  # leading zero in the chain id
        "00010000010114d8da6bf26964af9d7eed9e03e53415d37aa960",  # short address
        "00010000010114d8da6bf26964af9d7eed9e03e53415d37aa9604500",  # trailing byte
        "00010002010114d8da6bf26964af9d7eed9e03e53415d37aa96045",  # chain type
        "000100000014d8da6bf26964af9d7eed9e03e53415d37aa96045",  # no chain reference
        "0001b00c02ffff0161",  # book reference that is not ASCII
    ],
)
def test_malformed_erc_7930_address_is_refused(data: str) -> None:
    with pytest.raises(InvalidInteropAddress):
        InteropAddress.decode(bytes.fromhex(data))


def test_bytes32_prints_as_hex_and_refuses_other_lengths() -> None:
    value = Bytes32("0x" + "ab" * 32)
    assert str(value) == "0x" + "ab" * 32
    assert Bytes32(bytes(value)) == value
    assert value
    assert not ZERO32
    for wrong in ("0x" + "ab" * 31, "zz" * 32, b"short"):
        with pytest.raises(InvalidBytes32):
            Bytes32(wrong)


def test_keccak_is_that_of_evm_chains() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_id_1_security_id_changes_with_isin_and_with_terms() -> None:
    terms = keccak256(b"terms")
    first = security_id(Isin("FR0014ZZPPS9"), terms)
    assert first == keccak256(b"FR0014ZZPPS9".ljust(32, b"\0") + terms)
    assert first != security_id(Isin("US0378331005"), terms)
    assert first != security_id(Isin("FR0014ZZPPS9"), keccak256(b"other terms"))


def test_id_7_roles_are_a_closed_list() -> None:
    assert (ROLES["issuer"], ROLES["attestor"], ROLES["cash_issuer"]) == (1, 11, 16)
    assert (ROLES["guarantor"], ROLES["rule_manager"]) == (17, 18)
    assert role_id("paying_agent") == 3
    with pytest.raises(UnknownRole, match="'admin' is no role"):
        role_id("admin")
    with pytest.raises(TypeError):
        ROLES["admin"] = 19  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "tag"), [("1.0.0", 1 << 16), ("0.0.1", 1), ("65535.255.255", (1 << 32) - 1)]
)
def test_ver_1_version_and_tag_are_the_same_thing(text: str, tag: int) -> None:
    assert version_tag(text) == tag
    assert version_text(tag) == text


@pytest.mark.parametrize(
    "text", ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.256", "65536.0.0", "1.0.0-rc1", "v1.0.0"]
)
def test_ver_1_what_has_no_tag_is_no_version(text: str) -> None:
    with pytest.raises(InvalidVersion, match=r"major\.minor\.patch"):
        version_tag(text)
