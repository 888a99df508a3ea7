// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Chain, World} from "./World.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {Vm} from "./Vm.sol";

/// Moves units among few actors, so that self transfers and emptied accounts are common.
contract TokenHandler {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    ISecurity private immutable token;
    address private immutable bridge;
    address private immutable actions;
    address private immutable agent;
    address private immutable freezer;
    address[3] private actors;
    uint256 public references;
    uint256 public arrived;
    uint256 public departed;

    constructor(ISecurity token_, address agent_, address freezer_, address[3] memory actors_) {
        token = token_;
        bridge = token_.bridge();
        actions = token_.corporateActions();
        agent = agent_;
        freezer = freezer_;
        actors = actors_;
    }

    function transfer(uint8 from, uint8 to, uint256 amount) external {
        amount = _some(from, amount);
        vm.prank(actors[from % 3]);
        token.transfer(actors[to % 3], amount);
    }

    function transferFrom(uint8 from, uint8 to, uint256 amount) external {
        amount = _some(from, amount);
        vm.prank(actors[from % 3]);
        token.approve(actors[to % 3], amount);
        vm.prank(actors[to % 3]);
        token.transferFrom(actors[from % 3], actors[to % 3], amount);
    }

    function issue(uint8 to, uint256 amount) external {
        vm.prank(agent);
        token.issue(actors[to % 3], amount % 1000 + 1, bytes32(++references));
    }

    function redeem(uint8 from, uint256 amount) external {
        amount = _some(from, amount);
        vm.prank(actors[from % 3]);
        token.approve(agent, amount);
        vm.prank(agent);
        token.redeem(actors[from % 3], amount, bytes32(++references));
    }

    function arrive(uint8 to, uint256 amount, uint8 age) external {
        amount = amount % 1000;
        vm.prank(bridge);
        token.crosschainMintAt(actors[to % 3], amount, uint64(block.timestamp - age));
        arrived += amount;
    }

    function depart(uint8 from, uint256 amount) external {
        amount = _some(from, amount);
        vm.prank(bridge);
        token.crosschainBurn(actors[from % 3], amount);
        departed += amount;
    }

    function freeze(uint8 who, bool frozen) external {
        vm.prank(freezer);
        token.freeze(actors[who % 3], frozen, "x");
    }

    function arm(uint8 ahead) external {
        vm.prank(actions);
        token.armRecordTime(uint64(block.timestamp + ahead));
    }

    function sleep(uint8 time) external {
        vm.warp(block.timestamp + time);
    }

    function _some(uint8 from, uint256 amount) private view returns (uint256) {
        // mostly within the balance, sometimes one above it
        return amount % (token.balanceOf(actors[from % 3]) + 2);
    }
}

/// I1 on one chain: the sum of all balances is the supply; issued = supply + departed - arrived.
contract TokenInvariantsTest is World {
    TokenHandler private handler;
    address[3] private actors;

    function setUp() public {
        _setUpWorld();
        _on(home);
        actors = [holderDe, holderFr, omnibus];
        handler = new TokenHandler(home.token, transferAgent, freezer, actors);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_i1_balancesSumToTheSupply() public view {
        uint256 sum = 0;
        for (uint256 i = 0; i < actors.length; ++i) sum += home.token.balanceOf(actors[i]);
        vm.assertEq(sum, home.token.totalSupply(), "sum of balances");
        vm.assertEq(
            home.token.issuedTotal() + handler.arrived(), home.token.totalSupply() + handler.departed(), "issued"
        );
    }

    function invariant_ca_5_balancesAtEveryRecordTimeSumToTheSupplyThen() public view {
        uint64[] memory times = home.token.recordTimes();
        for (uint256 k = 0; k < times.length; ++k) {
            if (times[k] >= block.timestamp) break;
            uint256 sum = 0;
            for (uint256 i = 0; i < actors.length; ++i) sum += home.token.balanceOfAt(actors[i], times[k]);
            vm.assertEq(sum, home.token.totalSupplyAt(times[k]), "sum of balances at T");
        }
    }
}
