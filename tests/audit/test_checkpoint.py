"""Checkpoints: Tessera's published log of 15 entries, our own vector, and what a strict reader refuses."""

from __future__ import annotations

from hashlib import sha256

import pytest

from cleanroom_core.audit.checkpoint import Checkpoint, is_origin, open_checkpoint
from cleanroom_core.audit.merkle import EMPTY_ROOT, leaf_hash, root_of
from cleanroom_core.audit.note import COSIGNER, LOG, Note, SigningKey, VerificationKey, b64, unb64
from cleanroom_core.errors import IntegrityError

TESSERA = VerificationKey.parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")
TESSERA_NOTE = (
    "example.com/log/testdata\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n\n"
    "\u2014 example.com/log/testdata "
    "M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n"
).encode()
WORDS = b"one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()

LOG_KEY = SigningKey("a.example/cleanroom/demo-1", LOG, sha256(b"demo-party-a-log").digest())
WITNESS = SigningKey("b.example/cleanroom/demo-1/cosigner", COSIGNER, sha256(b"demo-party-b-witness").digest())
COSIGNATURE = "oLR6KwAAAABqsTuKzSCCsCBHtNoJzOnEWQInAjSRsqTpdLTQBr1bl6v4Ba/xNjBeJu4zRieCguCKJD1ePQgw7bFwL3ZHvjp4eiBuAg=="
TEN = Checkpoint(LOG_KEY.name, 10, unb64("2/CdRGySx3HBNEkiZhdUH26mUdeyOIGuo6ujSeqvW24="))


def test_tesseras_checkpoint_and_its_entries():
    signed = open_checkpoint(TESSERA_NOTE, TESSERA)
    assert (signed.checkpoint.origin, signed.checkpoint.size) == ("example.com/log/testdata", 15)
    assert root_of([leaf_hash(word) for word in WORDS]) == signed.checkpoint.root


def test_our_own_vector():
    assert str(LOG_KEY.verification_key) == "a.example/cleanroom/demo-1+93424d71+ATjrLmR+kznCYFutJohRg2GkOdyJ8Mmm6dcg/R/0lJoB"
    assert str(WITNESS.verification_key) == (
        "b.example/cleanroom/demo-1/cosigner+a0b47a2b+BL/rTSBjMmOCMS8azLg+Gpp6/5WKiSZP/I0WeBjs646M"
    )
    line = WITNESS.sign(TEN.text, 1790000010)
    assert str(line) == f"\u2014 {WITNESS.name} {COSIGNATURE}\n"
    signed = open_checkpoint(TEN.sign(LOG_KEY).signed_also(line).encode(), LOG_KEY.verification_key, [WITNESS.verification_key])
    assert signed.cosigned == {WITNESS.verification_key: 1790000010}


def signed(text: str) -> bytes:
    """A note over any text, by the log's real key: what is refused here is refused for its text alone."""
    return Note(text, (LOG_KEY.sign(text),)).encode()


@pytest.mark.parametrize(
    "text",
    [
        f"{TEN.origin}\n010\n{b64(TEN.root)}\n",
        f"{TEN.origin}\n+10\n{b64(TEN.root)}\n",
        f"{TEN.origin}\n10 \n{b64(TEN.root)}\n",
        f"{TEN.origin}\n-1\n{b64(TEN.root)}\n",
        f"{TEN.origin}\n\u0661\n{b64(TEN.root)}\n",
        f"{TEN.origin}\n99999999999999999\n{b64(TEN.root)}\n",
        f"{TEN.origin} \n10\n{b64(TEN.root)}\n",
        f"\ufeff{TEN.origin}\n10\n{b64(TEN.root)}\n",
        f"{TEN.origin}\n10\n{b64(TEN.root)[:-1]}\n",
        f"{TEN.origin}\n10\n{b64(TEN.root)[:-2]}x=\n",
        f"{TEN.origin}\n10\n{b64(TEN.root[:31])}\n",
        f"{TEN.origin}\n10\n{b64(TEN.root)}\nextension\n",
        f"{TEN.origin}\n10\n",
        f"\n10\n{b64(TEN.root)}\n",
    ],
)
def test_case_22_non_canonical_checkpoints(text):
    with pytest.raises(IntegrityError) as refused:
        open_checkpoint(signed(text), LOG_KEY.verification_key)
    assert refused.value.code in ("CHECKPOINT", "NOTE")


def test_case_14_the_empty_log_has_one_root():
    assert open_checkpoint(signed(Checkpoint(TEN.origin, 0, EMPTY_ROOT).text), LOG_KEY.verification_key).checkpoint.size == 0
    with pytest.raises(IntegrityError):
        open_checkpoint(signed(f"{TEN.origin}\n0\n{b64(bytes(32))}\n"), LOG_KEY.verification_key)


def test_case_16_same_key_another_log():
    other = Checkpoint("a.example/cleanroom/demo-2", 10, TEN.root)
    with pytest.raises(IntegrityError) as refused:
        open_checkpoint(signed(other.text), LOG_KEY.verification_key)
    assert refused.value.code == "ORIGIN"


def test_a_cosignature_alone_is_no_checkpoint():
    alone = Note(TEN.text, (WITNESS.sign(TEN.text, 5),)).encode()
    with pytest.raises(IntegrityError) as refused:
        open_checkpoint(alone, LOG_KEY.verification_key, [WITNESS.verification_key])
    assert refused.value.code == "SIGNATURE"


def test_only_the_logs_own_key_signs_it():
    for key in (WITNESS, SigningKey("other.example/log", LOG, bytes(32))):
        with pytest.raises(ValueError, match="own log"):
            TEN.sign(key)


@pytest.mark.parametrize(
    "origin", ["", "a b", "a+b", "/a", "a/", "a//b", "a\n", "\u0430.example/log", "a" * 201, "a\u200b.example"]
)
def test_case_24_origins_are_plain_ascii(origin):
    assert not is_origin(origin)
    assert is_origin(TEN.origin)
