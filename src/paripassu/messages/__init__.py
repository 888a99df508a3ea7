"""Messages between ledgers: lanes, ids, batches and acknowledgements to sign, payloads.

A message's id and a batch's digest are EIP-712 hashes over the very fields that the
gateway contract hashes; book entry computes them here.
"""

from __future__ import annotations

from paripassu.messages.acknowledgement import (
    ACKNOWLEDGEMENT_TYPE,
    ACKNOWLEDGEMENT_TYPEHASH,
    Acknowledgement,
    acknowledgement_digest,
    acknowledgement_head,
    acknowledgement_typed_data,
)
from paripassu.messages.envelope import (
    BATCH_TYPE,
    BATCH_TYPEHASH,
    DOMAIN_NAME,
    DOMAIN_TYPE,
    DOMAIN_VERSION,
    MESSAGE_ABI,
    MESSAGE_TYPE,
    MESSAGE_TYPEHASH,
    PROTOCOL_VERSION,
    Batch,
    GatewayDomain,
    Lane,
    Message,
    Purpose,
    batch_digest,
    batch_ids_digest,
    batch_typed_data,
)
from paripassu.messages.payloads import (
    EntitlementPayload,
    EventPayload,
    MovementPayload,
    OrderPayload,
    PlacesPayload,
    QuotaPayload,
    decode_corporate_action,
    decode_lineage,
    decode_quota,
    has_lots,
    next_path,
)
from paripassu.messages.wire import batch_head, execution, packed_messages, packed_signatures, payloads_of

__all__ = [
    "ACKNOWLEDGEMENT_TYPE",
    "ACKNOWLEDGEMENT_TYPEHASH",
    "BATCH_TYPE",
    "BATCH_TYPEHASH",
    "DOMAIN_NAME",
    "DOMAIN_TYPE",
    "DOMAIN_VERSION",
    "MESSAGE_ABI",
    "MESSAGE_TYPE",
    "MESSAGE_TYPEHASH",
    "PROTOCOL_VERSION",
    "Acknowledgement",
    "Batch",
    "EntitlementPayload",
    "EventPayload",
    "GatewayDomain",
    "Lane",
    "Message",
    "MovementPayload",
    "OrderPayload",
    "PlacesPayload",
    "Purpose",
    "QuotaPayload",
    "acknowledgement_digest",
    "acknowledgement_head",
    "acknowledgement_typed_data",
    "batch_digest",
    "batch_head",
    "batch_ids_digest",
    "batch_typed_data",
    "decode_corporate_action",
    "decode_lineage",
    "decode_quota",
    "execution",
    "has_lots",
    "next_path",
    "packed_messages",
    "packed_signatures",
    "payloads_of",
]
