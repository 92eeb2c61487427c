"""Signed notes against published vectors, and the spellings a strict reader refuses."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest

from cleanroom_core.audit.note import COSIGNER, LOG, Note, Signature, SigningKey, VerificationKey, unb64
from cleanroom_core.errors import InputError, IntegrityError

C2SP_KEY = VerificationKey.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
C2SP_NOTE = (
    "This is an example message.\n\n"
    "\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
NEUMANN = SigningKey.parse("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
NEUMANN_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
A = SigningKey("a.example/log", LOG, sha256(b"a").digest())
B = SigningKey("b.example/cosigner", COSIGNER, sha256(b"b").digest())


def test_c2sp_vector():
    found = Note.parse(C2SP_NOTE).verified([C2SP_KEY])
    assert set(found) == {C2SP_KEY}
    assert Note.parse(C2SP_NOTE).encode() == C2SP_NOTE
    assert str(C2SP_KEY) == "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


def test_peter_neumann_signs_the_published_bytes():
    assert str(NEUMANN.verification_key) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert str(NEUMANN.sign(NEUMANN_TEXT)) == (
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert SigningKey.parse(NEUMANN.secret_line()) == NEUMANN


def test_a_private_key_is_never_printed():
    assert base64.b64encode(A.seed).decode() not in repr(A) + str(A)
    with pytest.raises(InputError) as refused:
        SigningKey.parse(A.secret_line()[:-4] + "AAA=")
    assert "AAA=" not in refused.value.diagnostics()


def test_cosignature_of_the_specification_parses():
    payload = "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
    signature = Signature.parse(f"\u2014 witness.example {payload}\n")
    assert len(unb64(payload)) == 76
    assert (signature.key_id.hex(), signature.time) == ("8d66cf3f", 1679315147)


def test_unknown_signatures_are_ignored_and_the_text_ends_at_the_last_blank_line():
    note = Note("first\n\nsecond\n", ()).signed_also(B.sign("whatever\n", 7), A.sign("first\n\nsecond\n"))
    read = Note.parse(note.encode())
    assert read.text == "first\n\nsecond\n"
    assert set(read.verified([A.verification_key])) == {A.verification_key}


def test_case_21_a_broken_known_signature_condemns_the_note():
    text = "text\n"
    good, bad = A.sign(text), A.sign("other\n")
    for signatures in ((good, bad), (bad, good)):
        with pytest.raises(IntegrityError) as refused:
            Note(text, signatures).verified([A.verification_key])
        assert refused.value.code == "SIGNATURE"
    with pytest.raises(IntegrityError):
        Note(text, (good, B.sign("other\n", 5))).verified([A.verification_key, B.verification_key])


def test_case_21_a_repeated_line_counts_once():
    text = "text\n"
    twice = Note(text, (B.sign(text, 5), B.sign(text, 6)))
    assert len(twice.verified([B.verification_key])) == 1


def test_nobody_signed():
    with pytest.raises(IntegrityError) as refused:
        Note.parse(C2SP_NOTE).verified([A.verification_key])
    assert refused.value.code == "SIGNATURE"


def test_case_18_the_type_byte_separates_logs_and_cosigners():
    text = "text\n"
    as_log = SigningKey(B.name, LOG, B.seed)  # the same seed misused for the other type
    log_style = as_log.sign(text)
    forged = Signature(B.name, B.verification_key.key_id, bytes(8) + log_style.payload)
    with pytest.raises(IntegrityError):
        Note(text, (forged,)).verified([B.verification_key])
    short = Signature(B.name, B.verification_key.key_id, log_style.payload)
    with pytest.raises(IntegrityError):
        Note(text, (short,)).verified([B.verification_key])
    with pytest.raises(ValueError, match="states a time"):
        A.sign(text, 5)


def test_case_18_right_name_and_id_with_another_public_key():
    honest = A.verification_key
    name, key_id, _ = str(honest).split("+", 2)
    other = SigningKey(A.name, LOG, sha256(b"other").digest()).verification_key
    collision = f"{name}+{key_id}+{base64.b64encode(bytes([LOG]) + other.public).decode()}"
    with pytest.raises(InputError) as refused:
        VerificationKey.parse(collision)
    assert refused.value.code == "VKEY"


@pytest.mark.parametrize(
    "spoil",
    [str.upper, lambda line: line + "=", lambda line: line + "\n", lambda line: line[:-2], lambda _: "", lambda _: "a+b"],
)
def test_a_damaged_vkey_is_refused(spoil):
    with pytest.raises(InputError):
        VerificationKey.parse(spoil(str(C2SP_KEY)))


def test_a_changed_cosignature_time_breaks_the_signature():
    text = "text\n"
    honest = B.sign(text, 1_790_000_000)
    later = Signature(honest.name, honest.key_id, (1_790_000_001).to_bytes(8, "big") + honest.payload[8:])
    with pytest.raises(IntegrityError):
        Note(text, (later,)).verified([B.verification_key])


NOTE = Note("text\n", (A.sign("text\n"),)).encode()


@pytest.mark.parametrize(
    "data",
    [
        NOTE.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + NOTE,
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace("\u2014".encode(), b"-"),
        NOTE.replace("\u2014 ".encode(), "\u2014  ".encode()),
        NOTE.replace(b"text\n\n", b"text\n"),
        NOTE.replace(b"text", b"te\x00xt"),
        NOTE.replace(b"text", b"te\txt"),
        NOTE.replace(b"text", b"te\xff"),
        NOTE[:-2] + b"\n",
        b"\n\n" + NOTE.split(b"\n\n")[1],
        b"text\n",
        b"",
        NOTE + NOTE.split(b"\n\n")[1].replace(b" a.example", b" a+example"),
        b"text\n\n" + NOTE.split(b"\n\n")[1] * 101,
        b"x" * 1_000_001,
    ],
)
def test_case_22_non_canonical_notes(data):
    with pytest.raises(IntegrityError) as refused:
        Note.parse(data).verified([A.verification_key])
    assert refused.value.code in ("NOTE", "SIGNATURE")


@pytest.mark.parametrize("text", ["QQ", "QQ=", "QR==", "QQ==\n", " QQ==", "Q\u00c4==", "-_-_"])
def test_case_22_base64_has_one_spelling(text):
    with pytest.raises(ValueError, match=r"base64|ascii"):
        unb64(text)
