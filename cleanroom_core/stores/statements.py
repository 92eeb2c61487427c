"""The store's questions in SQL, built once: putting an expression together costs more than asking it."""

from __future__ import annotations

from sqlalchemy import BindParameter, bindparam, delete, func, insert, select

from cleanroom_core.stores.tables import checkpoints, cosignatures, drafts, entries, evidence, home, nodes, payloads

ORIGIN: BindParameter[str] = bindparam("origin")
SIZE: BindParameter[int] = bindparam("size")

LOCK = select(home.c.version).with_for_update()

LAST_ENTRY = select(entries.c.seq, entries.c.leaf).where(entries.c.origin == ORIGIN).order_by(entries.c.seq.desc()).limit(1)
LAST_SEQ = select(func.max(entries.c.seq)).where(entries.c.origin == ORIGIN)

LEAVES = (
    select(entries.c.seq, entries.c.leaf, nodes.c.hash)
    .join_from(
        entries, nodes, (nodes.c.origin == entries.c.origin) & (nodes.c.level == 0) & (nodes.c.position == entries.c.seq)
    )
    .where(entries.c.origin == ORIGIN, entries.c.seq >= bindparam("start"), entries.c.seq < bindparam("stop"))
    .order_by(entries.c.seq)
)
ENTRIES = LEAVES.add_columns(payloads.c.salt, payloads.c.payload).join(
    payloads, (payloads.c.origin == entries.c.origin) & (payloads.c.seq == entries.c.seq), isouter=True
)

NODE = select(nodes.c.hash).where(
    nodes.c.origin == ORIGIN, nodes.c.level == bindparam("level"), nodes.c.position == bindparam("position")
)

_CHECKPOINTS = select(checkpoints.c.origin, checkpoints.c.size, checkpoints.c.root, checkpoints.c.note)
CHECKPOINTS = _CHECKPOINTS.where(checkpoints.c.origin == ORIGIN).order_by(checkpoints.c.size)
CHECKPOINT = _CHECKPOINTS.where(checkpoints.c.origin == ORIGIN, checkpoints.c.size == SIZE)
NEWEST_CHECKPOINT = _CHECKPOINTS.where(checkpoints.c.origin == ORIGIN).order_by(checkpoints.c.size.desc()).limit(1)
LATEST_OF_OTHERS = _CHECKPOINTS.where(checkpoints.c.origin != ORIGIN).order_by(checkpoints.c.number.desc()).limit(1)

COSIGNATURES = (
    select(cosignatures.c.cosigner, cosignatures.c.line)
    .where(cosignatures.c.origin == ORIGIN, cosignatures.c.size == SIZE)
    .order_by(cosignatures.c.cosigner)
)
# The times of a cosigner never go back as sizes grow (checked before they are kept), so both maxima are of one row.
COSIGNED = (
    select(cosignatures.c.cosigner, func.max(cosignatures.c.size), func.max(cosignatures.c.time))
    .where(cosignatures.c.origin == ORIGIN)
    .group_by(cosignatures.c.cosigner)
)

EVIDENCE = select(evidence.c.first, evidence.c.second).where(evidence.c.origin == ORIGIN).order_by(evidence.c.number).limit(1)
DRAFT = select(drafts.c.text).where(drafts.c.name == bindparam("name"))
FORGET_DRAFT = delete(drafts).where(drafts.c.name == bindparam("name"))

ADD_ENTRIES, ADD_NODES, ADD_PAYLOADS = insert(entries), insert(nodes), insert(payloads)
ADD_CHECKPOINT, ADD_COSIGNATURE = insert(checkpoints), insert(cosignatures)
ADD_EVIDENCE, ADD_DRAFT = insert(evidence), insert(drafts)
