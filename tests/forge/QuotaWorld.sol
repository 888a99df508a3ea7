// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Instance} from "../../contracts/interfaces/IInstanceRegistry.sol";
import {Message} from "../../contracts/interfaces/IGateway.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {TokenInit} from "../../contracts/token/SecurityBase.sol";
import {Chain, World} from "./World.sol";

/// Two ledgers with a security whose terms have a holding cap and a limit of holders over both.
abstract contract QuotaWorld is World {
    uint64 internal constant CAP = 101;
    uint32 internal constant LIMIT = 5;
    uint64 internal constant CAP_HERE = 51; // the home ledger has what equal parts leave
    uint64 internal constant CAP_THERE = 50;
    uint32 internal constant LIMIT_HERE = 3;
    uint32 internal constant LIMIT_THERE = 2;

    bytes12 internal constant LIMITED_ISIN = "DE000PARI018";
    bytes32 internal constant LIMITED = keccak256(abi.encode(LIMITED_ISIN, TERMS));

    ISecurity internal homeToken;
    ISecurity internal peerToken;

    // another account of the holder of `holderDe`, without a cap of its own
    address internal secondDe = _address("second account de");

    uint256 private issues;

    function _setUpQuotas() internal {
        _setUpWorld();
        homeToken = _limited(home, CAP_HERE, LIMIT_HERE);
        peerToken = _limited(peer, CAP_THERE, LIMIT_THERE);
        _trust(home);
        _trust(peer);
        _onboardSecond(home);
        _onboardSecond(peer);
    }

    function _limited(Chain memory c, uint64 cap, uint32 limit) private returns (ISecurity) {
        TokenInit memory init = _tokenInit(c, c.id == home.id);
        init.isin = LIMITED_ISIN;
        (init.capped, init.limited, init.holdingCap, init.holderLimit) = (true, true, cap, limit);
        _on(c);
        return _token(c, init);
    }

    function _trust(Chain memory c) private {
        _on(c);
        Instance[] memory both = _list(_limitedInstance(home), _limitedInstance(peer));
        vm.startPrank(tokenizer);
        c.instances.registerSecurity(LIMITED_ISIN, LEI, TERMS);
        c.instances.registerInstances(LIMITED, both);
        vm.stopPrank();
    }

    function _limitedInstance(Chain memory c) internal view returns (Instance memory instance) {
        instance = _instance(c);
        instance.token = _interop(c, address(_tokenOn(c)));
    }

    function _onboardSecond(Chain memory c) private {
        _on(c);
        bytes memory proof = _keyControl(c, secondDe, _commitment("de"));
        vm.prank(registrar);
        c.holders.onboard(secondDe, _commitment("de"), GERMANY, RETAIL, 0, address(0), true, proof);
    }

    function _tokenOn(Chain memory c) internal view returns (ISecurity) {
        return c.id == home.id ? homeToken : peerToken;
    }

    function _endow(address account, uint256 units) internal {
        _on(home);
        vm.prank(transferAgent);
        homeToken.issue(account, units, bytes32(++issues));
    }

    function _raw(address account) internal pure returns (bytes memory) {
        return abi.encodePacked(account);
    }

    /// An account's quota sets out for another ledger.
    function _moveQuota(
        Chain memory from,
        Chain memory to,
        address account,
        address toAccount,
        uint64 amount
    ) internal returns (Message memory) {
        _on(from);
        vm.recordLogs();
        vm.prank(account);
        from.quotas.moveQuota(address(_tokenOn(from)), account, to.id, _raw(toAccount), amount);
        return _sent(from)[0];
    }

    /// Places set out for another ledger.
    function _movePlaces(Chain memory from, Chain memory to, uint32 places) internal returns (Message memory) {
        _on(from);
        vm.recordLogs();
        vm.prank(transferAgent);
        from.quotas.movePlaces(address(_tokenOn(from)), to.id, places);
        return _sent(from)[0];
    }

    function _moveUnits(
        Chain memory from,
        Chain memory to,
        address account,
        address toAccount,
        uint256 amount
    ) internal returns (Message memory) {
        _on(from);
        vm.recordLogs();
        vm.prank(account);
        from.bridge.move(address(_tokenOn(from)), to.id, _raw(toAccount), amount, 0);
        return _sent(from)[0];
    }
}
