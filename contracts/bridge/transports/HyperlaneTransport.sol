// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHyperlaneMailbox, IHyperlaneRecipient} from "../../interfaces/IHyperlane.sol";
import {ITransport} from "../../interfaces/ITransport.sol";
import {Carrier} from "./Carrier.sol";

/// @title Transport over Hyperlane
/// @notice Sends the gateway's identifiers through Hyperlane's mailbox, and takes those that its own counterpart on
/// another ledger sent. Who may sign for them is the say of the security module that is set here.
/// @dev What is set here decides whose messages take effect, and so who can mint: each of it is an approved act.
contract HyperlaneTransport is Carrier, IHyperlaneRecipient {
    /// @notice The counterpart on another ledger.
    /// @param ledger number of the ledger
    /// @param domain Hyperlane's number of it; not 0
    /// @param transport the transport there; zero to take nothing from there and send nothing to it
    struct Peer {
        uint256 ledger;
        uint32 domain;
        address transport;
    }

    /// @notice Messages go through this mailbox, and this module verifies those that arrive; zero for the one that
    /// the mailbox's owner chooses.
    event MailboxSet(address indexed mailbox, address indexed module);

    /// @notice The counterpart on a ledger was named; zero for none.
    event PeerSet(uint256 indexed ledger, uint32 domain, address transport);

    /// @notice The caller is not the mailbox.
    error NotMailbox(address caller);

    /// @notice The message is not from the counterpart on a ledger that is known here.
    error NotPeer(uint32 domain, bytes32 sender);

    /// @notice No counterpart on that ledger is known here.
    error PeerUnknown(uint256 ledger);

    /// @notice A counterpart is on another chain, and that has a domain of its own.
    error BadPeer(uint256 ledger, uint32 domain);

    /// @notice There is no contract at that address.
    error NoCode(address given);

    /// @dev In one slot: Hyperlane's number of a ledger and the transport there.
    struct Counterpart {
        uint32 domain;
        address transport;
    }

    /// @custom:storage-location erc7201:paripassu.storage.HyperlaneTransport
    struct HyperlaneStorage {
        address mailbox;
        address module;
        mapping(uint256 ledger => Counterpart) peers;
        mapping(uint256 domain => uint256) ledgers;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.HyperlaneTransport")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant HYPERLANE = 0x84e725c80158051bc2a7d3585a9a3e26605f4b9d29ab93044058ef7b1ed2b300;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    /// @param gateway_ whose messages it carries
    /// @param mailbox_ Hyperlane's mailbox on this chain
    /// @param module_ what verifies the messages that arrive; zero for the mailbox's choice
    /// @param peers_ the counterparts on the other ledgers
    constructor(
        address authority_,
        address approvals_,
        address kernel_,
        address gateway_,
        address mailbox_,
        address module_,
        Peer[] memory peers_
    ) Carrier(authority_, approvals_, kernel_, gateway_) {
        _setMailbox(mailbox_, module_);
        for (uint256 i = 0; i < peers_.length; ++i) _setPeer(peers_[i]);
    }

    function _h() private pure returns (HyperlaneStorage storage $) {
        assembly {
            $.slot := HYPERLANE
        }
    }

    /// @notice Use another mailbox, or another module for what arrives.
    /// @param mailbox_ Hyperlane's mailbox on this chain
    /// @param module_ what verifies the messages that arrive; zero for the mailbox's choice
    /// @custom:access-control approved act
    function setMailbox(address mailbox_, address module_) external onlyApproved {
        _setMailbox(mailbox_, module_);
    }

    /// @notice Name the counterpart on another ledger, or none.
    /// @custom:access-control approved act
    function setPeer(Peer calldata peer) external onlyApproved {
        _setPeer(peer);
    }

    /// @inheritdoc IHyperlaneRecipient
    /// @dev The mailbox gives each message once; the same identifiers in two messages do no harm.
    /// @custom:access-control the mailbox
    function handle(uint32 origin, bytes32 sender, bytes calldata body) external {
        HyperlaneStorage storage $ = _h();
        if (msg.sender != $.mailbox) revert NotMailbox(msg.sender);
        uint256 ledger = $.ledgers[origin];
        address transport = $.peers[ledger].transport;
        if (transport == address(0) || sender != _padded(transport)) revert NotPeer(origin, sender);
        _vouch(ledger, body);
    }

    /// @inheritdoc IHyperlaneRecipient
    function interchainSecurityModule() external view returns (address) {
        return _h().module;
    }

    /// @notice Hyperlane's mailbox on this chain, and the module that verifies what arrives; zero for the mailbox's choice.
    function mailbox() external view returns (address mailbox_, address module_) {
        HyperlaneStorage storage $ = _h();
        return ($.mailbox, $.module);
    }

    /// @notice Hyperlane's number of a ledger, and the transport there; zeros where none is known.
    function peerOf(uint256 ledger) external view returns (uint32 domain, address transport) {
        Counterpart storage peer = _h().peers[ledger];
        return (peer.domain, peer.transport);
    }

    /// @inheritdoc ITransport
    function connects(uint256 ledger) external view returns (bool) {
        return _h().peers[ledger].transport != address(0);
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice HyperlaneTransport
    function contractName() public pure override returns (string memory) {
        return "HyperlaneTransport";
    }

    /// @inheritdoc Carrier
    function _fee(uint256 destination, bytes memory list) internal view override returns (uint256) {
        (uint32 domain, bytes32 recipient) = _route(destination);
        return IHyperlaneMailbox(_h().mailbox).quoteDispatch(domain, recipient, list);
    }

    /// @inheritdoc Carrier
    function _carry(uint256 destination, bytes memory list, uint256 fee) internal override returns (bytes32) {
        (uint32 domain, bytes32 recipient) = _route(destination);
        return IHyperlaneMailbox(_h().mailbox).dispatch{value: fee}(domain, recipient, list);
    }

    function _route(uint256 destination) private view returns (uint32, bytes32) {
        Counterpart storage peer = _h().peers[destination];
        if (peer.transport == address(0)) revert PeerUnknown(destination);
        return (peer.domain, _padded(peer.transport));
    }

    function _setMailbox(address mailbox_, address module_) private {
        if (mailbox_.code.length == 0) revert NoCode(mailbox_);
        if (module_ != address(0) && module_.code.length == 0) revert NoCode(module_);
        HyperlaneStorage storage $ = _h();
        ($.mailbox, $.module) = (mailbox_, module_);
        emit MailboxSet(mailbox_, module_);
    }

    function _setPeer(Peer memory peer) private {
        HyperlaneStorage storage $ = _h();
        (uint256 ledger, uint32 domain) = (peer.ledger, peer.domain);
        if (ledger == block.chainid || ledger >> 255 != 0 || ledger == 0) revert BadPeer(ledger, domain);
        delete $.ledgers[$.peers[ledger].domain];
        if (peer.transport == address(0)) {
            delete $.peers[ledger];
        } else {
            if (domain == 0 || $.ledgers[domain] != 0) revert BadPeer(ledger, domain);
            $.ledgers[domain] = ledger;
            $.peers[ledger] = Counterpart(domain, peer.transport);
        }
        emit PeerSet(ledger, domain, peer.transport);
    }

    function _padded(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }
}
