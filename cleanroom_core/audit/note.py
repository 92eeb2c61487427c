"""Signed notes (C2SP signed-note v1.0.0): a text, a blank line, and one signature line per key.

    — <key name> <base64(key id, 4 bytes big endian || signature)>

Two types of key are known here, each with a key pair of its own: 0x01 Ed25519 over the text (a log), and 0x04 timestamped
Ed25519 cosignature/v1 (a witness; C2SP tlog-cosignature v1.0.1), whose payload is uint64 POSIX seconds || signature over

    cosignature/v1\\n time <seconds>\\n <the whole text>

Signatures by unknown keys are ignored; a known key whose signature fails condemns the whole note.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from cleanroom_core.errors import InputError, IntegrityError

LOG = 0x01
COSIGNER = 0x04
_PAYLOAD_SIZE = {LOG: 64, COSIGNER: 72}
_NOTE_LIMIT = 1_000_000
_SIGNATURE_LIMIT = 100
_NAME = re.compile(r"[^\s+]+")
_SKEY = "PRIVATE+KEY+"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes:
    """Strict standard base64: padded, no white space, spare bits zero. Raises ValueError."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if b64(data) != text:
        raise ValueError("not canonical base64")
    return data


@dataclass(frozen=True)
class VerificationKey:
    """A public key with its name: `name`, the type byte `kind` (LOG or COSIGNER), and the 32 bytes `public`."""

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.kind not in _PAYLOAD_SIZE or len(self.public) != 32:
            raise InputError(
                "This is no usable verification key.", hint="A line name+keyid+base64 of a log or cosigner key.", code="VKEY"
            )

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        """The C2SP vkey line."""
        return f"{self.name}+{self.key_id.hex()}+{b64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, vkey: str) -> VerificationKey:
        """Read a vkey line; its key id must be that of its key. Raises InputError (code VKEY)."""
        try:
            name, key_id, encoded = vkey.split("+", 2)
            data = unb64(encoded)
            key = cls(name, data[0], data[1:])
        except (ValueError, IndexError, InputError):
            key = None
        if key is None or key_id != key.key_id.hex():
            raise InputError(
                "This is no verification key, or its key id belongs to another key.",
                hint="Copy the whole line name+keyid+base64 again.",
                code="VKEY",
            )
        return key

    def check(self, text: str, payload: bytes) -> bool:
        """Whether `payload` (the bytes after the key id) is this key's signature over `text`."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if len(payload) != _PAYLOAD_SIZE[self.kind]:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(payload[-64:], _message(self.kind, text, payload))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key; `seed` is the 32-byte Ed25519 seed. Its text form is the PRIVATE+KEY line of Go's x/mod note."""

    name: str
    kind: int
    seed: bytes

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r}, kind={self.kind})"

    @property
    def verification_key(self) -> VerificationKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return VerificationKey(self.name, self.kind, public)

    def sign(self, text: str, time: int | None = None) -> Signature:
        """Sign the text; a cosigner states the POSIX `time` in whole seconds with it, a log does not."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if (time is None) == (self.kind == COSIGNER):
            raise ValueError("a cosignature states a time, a log signature does not")
        stamp = b"" if time is None else time.to_bytes(8, "big")
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return Signature(self.name, self.verification_key.key_id, stamp + private.sign(_message(self.kind, text, stamp)))

    def secret_line(self) -> str:
        return f"{_SKEY}{self.name}+{self.verification_key.key_id.hex()}+{b64(bytes([self.kind]) + self.seed)}"

    @classmethod
    def parse(cls, line: str) -> SigningKey:
        """Read a PRIVATE+KEY line. Raises InputError (code SKEY), never showing any of it."""
        try:
            name, key_id, encoded = line.removeprefix(_SKEY).split("+", 2)
            data = unb64(encoded)
            key = cls(name, data[0], data[1:])
            good = line.startswith(_SKEY) and key.verification_key.key_id.hex() == key_id
        except (ValueError, IndexError, InputError):
            good = False
        if not good:
            raise InputError("The private key is damaged.", hint="Restore the key file from its backup.", code="SKEY")
        return key


@dataclass(frozen=True)
class Signature:
    """One signature line: who (`name`, `key_id`), and `payload`, the bytes after the key id."""

    name: str
    key_id: bytes
    payload: bytes

    def __str__(self) -> str:
        return f"\u2014 {self.name} {b64(self.key_id + self.payload)}\n"

    @property
    def time(self) -> int:
        """POSIX seconds stated by a cosignature (type 0x04)."""
        return int.from_bytes(self.payload[:8], "big")

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read one line, with its line feed. Raises IntegrityError (code NOTE)."""
        try:
            dash, name, encoded = line.removesuffix("\n").split(" ")
            data = unb64(encoded)
        except ValueError:
            raise _malformed("a signature line does not have the form — name base64") from None
        if dash != "\u2014" or not _NAME.fullmatch(name) or len(data) < 5 or not line.endswith("\n"):
            raise _malformed("a signature line does not have the form — name base64")
        return cls(name, data[:4], data[4:])


@dataclass(frozen=True)
class Note:
    """A text (ends with a line feed) and its signature lines, as found: nothing is verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        return (self.text + "\n" + "".join(map(str, self.signatures))).encode()

    def signed_also(self, *signatures: Signature) -> Note:
        """The same note with further signature lines; those already there are not repeated."""
        return replace(self, signatures=tuple(dict.fromkeys((*self.signatures, *signatures))))

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """Read the bytes of a note, strictly. Raises IntegrityError (code NOTE)."""
        if len(data) > _NOTE_LIMIT:
            raise _malformed("it is too long")
        try:
            whole = data.decode("utf-8")
        except UnicodeDecodeError:
            raise _malformed("it is not UTF-8") from None
        if any(letter < " " and letter != "\n" for letter in whole):
            raise _malformed("it holds control characters")
        text, blank, lines = whole.rpartition("\n\n")
        if not blank or not text or not lines.endswith("\n"):
            raise _malformed("text, blank line and signature lines are not all there")
        found = tuple(Signature.parse(line + "\n") for line in lines[:-1].split("\n"))
        if len(found) > _SIGNATURE_LIMIT:
            raise _malformed("it has too many signature lines")
        return cls(text + "\n", found)

    def verified(self, keys: Iterable[VerificationKey]) -> Mapping[VerificationKey, Signature]:
        """The signatures by `keys`, one per key (the first line where a key signed twice).

        Raises IntegrityError (code SIGNATURE) if a line that claims to be by one of them is not, or if none of them signed.
        """
        known = {(key.name, key.key_id): key for key in keys}
        found: dict[VerificationKey, Signature] = {}
        for signature in self.signatures:
            key = known.get((signature.name, signature.key_id))
            if key is None:
                continue
            if not key.check(self.text, signature.payload):
                raise IntegrityError(
                    f"The signature of {key.name} does not fit the text.",
                    hint="The note was changed after signing, or signed by somebody else. Do not use it.",
                    code="SIGNATURE",
                )
            found.setdefault(key, signature)
        if not found:
            raise IntegrityError(
                "None of the expected keys signed this note.",
                hint="Compare the key fingerprints with the contract's annex.",
                code="SIGNATURE",
            )
        return found


def _message(kind: int, text: str, payload: bytes) -> bytes:
    if kind == LOG:
        return text.encode()
    return f"cosignature/v1\ntime {int.from_bytes(payload[:8], 'big')}\n{text}".encode()


def _malformed(why: str) -> IntegrityError:
    return IntegrityError(f"This is no signed note: {why}.", hint="Ask for the original file again.", code="NOTE")
