// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {SecurityBase, TokenInit} from "../../contracts/token/SecurityBase.sol";
import {World} from "./World.sol";

/// A rule contract that answers as it is told to.
contract Module {
    enum Mood {
        YES,
        NO,
        REVERTS,
        BURNS_GAS,
        TWO,
        TOO_MUCH,
        TOO_LITTLE,
        DIRTY
    }

    Mood public mood;
    uint256 private sink;

    constructor(Mood mood_) {
        mood = mood_;
    }

    function set(Mood mood_) external {
        mood = mood_;
    }

    fallback() external {
        Mood m = mood;
        if (m == Mood.REVERTS) revert("out of order");
        if (m == Mood.BURNS_GAS) while (true) m = mood;
        assembly {
            mstore(0, 1)
            mstore(32, 1)
            switch m
            case 0 { return(0, 32) }
            case 1 {
                mstore(0, 0)
                return(0, 32)
            }
            case 4 {
                mstore(0, 2)
                return(0, 32)
            }
            case 5 { return(0, 64) }
            case 6 { return(31, 1) }
            default {
                // a bool with dirt in its upper bits
                mstore(0, or(shl(255, 1), 1))
                return(0, 32)
            }
        }
    }
}

/// Accounts, roles and small acts that the tests of the token share, on the home ledger of `World`.
abstract contract TokenWorld is World {
    uint8 internal constant SPECIAL = 3;
    bytes4 internal constant AWAS = "AWAS";
    bytes4 internal constant BLOK = "BLOK";
    bytes4 internal constant BLCA = "BLCA";
    bytes4 internal constant PLED = "PLED";
    bytes4 internal constant RSTR = "RSTR";

    address internal source = _address("source");
    address internal target = _address("target");
    address internal other = _address("other");
    address internal successor = _address("successor");
    address internal heir = _address("heir");

    uint256 private acts;

    /// The world, its home ledger, and three holders of different countries and classes.
    function _setUpTokens() internal {
        _setUpWorld();
        _on(home);
        _onboard(home, source, "source", GERMANY, PROFESSIONAL, address(0));
        _onboard(home, target, "target", FRANCE, RETAIL, address(0));
        _onboard(home, other, "other", GERMANY, SPECIAL, address(0));
    }

    /// Terms of one more security of the home ledger, open to the three classes.
    function _terms(bytes12 isin_, bool capped, bool limited) internal view returns (TokenInit memory init) {
        init = _tokenInit(home, true);
        init.isin = isin_;
        init.classes = uint32(1 << RETAIL | 1 << PROFESSIONAL | 1 << SPECIAL);
        (init.capped, init.limited) = (capped, limited);
        (init.holdingCap, init.holderLimit) = (1_000_000, 10);
    }

    function _security(bytes12 isin_, bool capped, bool limited) internal returns (ISecurity) {
        return _token(home, _terms(isin_, capped, limited));
    }

    /// Issue under a reference of its own.
    function _issueOn(ISecurity token, address to, uint256 amount) internal {
        vm.prank(transferAgent);
        token.issue(to, amount, keccak256(abi.encode("issue", ++acts)));
    }

    /// Call as an approved act arrives: from the approvals contract, with the act's id behind it.
    function _approved(address callee, bytes memory data) internal returns (bool success, bytes memory answer) {
        bytes32 id = keccak256(abi.encode("act", ++acts));
        vm.prank(address(home.approvals));
        return callee.call(bytes.concat(data, id));
    }

    function _mustApproved(ISecurity token, bytes memory data) internal {
        (bool success, bytes memory answer) = _approved(address(token), data);
        if (success) return;
        assembly {
            revert(add(answer, 32), mload(answer))
        }
    }

    function _modules(ISecurity token, address module) internal {
        address[] memory list = new address[](module == address(0) ? 0 : 1);
        if (module != address(0)) list[0] = module;
        vm.prank(ruleManager);
        token.setModules(list, "modules");
    }

    function _countries(uint16 country) internal pure returns (uint16[] memory list) {
        list = new uint16[](1);
        list[0] = country;
    }

    function _one(address account) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }

    function _one(uint256 amount) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = amount;
    }

    function _two(address a, address b) internal pure returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (a, b);
    }

    function _two(uint256 a, uint256 b) internal pure returns (uint256[] memory list) {
        list = new uint256[](2);
        (list[0], list[1]) = (a, b);
    }

    /// Wipe an account's record, as if it had never been onboarded, and tell who caches it. The
    /// registry itself forgets nobody.
    function _forget(address account) internal {
        vm.store(address(home.holders), keccak256(abi.encode(account, _registryStorage())), 0);
        uint32 next = home.holders.epoch() + 1;
        vm.prank(address(home.holders));
        home.code.syncPolicyEpoch(next);
    }

    /// Let nothing cached count.
    function _chill() internal {
        vm.prank(address(home.holders));
        home.code.syncPolicyEpoch(0);
    }

    function _registryStorage() internal pure returns (bytes32) {
        return keccak256(abi.encode(uint256(keccak256("paripassu.storage.HolderRegistry")) - 1))
            & ~bytes32(uint256(0xff));
    }

    /// Code of a refusal by the rules, 0 for success; any other failure fails the test.
    function _codeOf(bool success, bytes memory answer, string memory what) internal pure returns (uint8) {
        if (success) return 0;
        vm.assertEq(
            bytes32(bytes4(answer)),
            bytes32(SecurityBase.TransferRestricted.selector),
            string.concat("refused by the rules alone: ", what)
        );
        uint256 code;
        assembly {
            code := mload(add(answer, 36))
        }
        vm.assertTrue(code != 0, string.concat("refused for a rule: ", what));
        return uint8(code);
    }

    /// The code that a transfer by its sender gets.
    function _transfer(ISecurity token, address from, address to, uint256 amount) internal returns (uint8) {
        vm.prank(from);
        (bool success, bytes memory answer) = address(token).call(abi.encodeCall(token.transfer, (to, amount)));
        return _codeOf(success, answer, "transfer");
    }

    /// CTL-10: the balances by type make up the balance.
    function _addsUp(ISecurity token, address account) internal view returns (bool) {
        uint256 sum = token.balanceOfType(account, AWAS) + token.balanceOfType(account, BLOK);
        sum += token.balanceOfType(account, BLCA) + token.balanceOfType(account, PLED);
        return sum + token.balanceOfType(account, RSTR) == token.balanceOf(account);
    }

    function _permitDigest(
        ISecurity token,
        address owner,
        address spender,
        uint256 value,
        uint256 nonce,
        uint256 deadline
    ) internal view returns (bytes32) {
        bytes32 hash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                spender,
                value,
                nonce,
                deadline
            )
        );
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), hash));
    }
}
