"""Log entries in words: what happened, said from the public facts alone, so that everybody in the room reads the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Public = Mapping[str, Any]

KIND_WORDS: Mapping[str, str] = {
    "genesis": "Beginning of the log",
    "room": "Room",
    "agreement": "Agreement",
    "policy": "Policy",
    "token_spec": "Tokens",
    "precheck": "Prechecks",
    "asset": "Asset registered",
    "plan": "Release plan",
    "approval": "Signature or rejection",
    "run": "Run",
    "result": "Result in quarantine",
    "decision": "Review decision",
    "release": "Release",
    "revocation": "Revocation",
    "budget": "Budget",
    "credential": "Credential",
    "intent": "Begun",
    "outcome": "Ended",
    "access": "Look at protected data",
    "receipt": "Receipt",
    "redaction": "Redaction",
    "key": "Key",
    "dispute": "Dispute",
    "cosign_overdue": "Acknowledgement overdue",
    "close": "Room closed",
}


def entry_words(kind: str, public: Public) -> str:
    """One sentence. A statement that does not have the facts its kind has is named by its kind alone."""
    say = _WORDS.get(kind)
    try:
        return say(public) if say is not None else f"{KIND_WORDS.get(kind, kind)}."
    except (KeyError, TypeError, AttributeError):
        return f"{KIND_WORDS.get(kind, kind)} (not said in the usual way)."


def outcome_words(action: str, about: str, stage: str) -> str:
    """An outcome together with the intent it ends."""
    return f"{_DOING.get(action, action).capitalize()} {_object(about)} ended: {stage}."


def _agreement(public: Public) -> str:
    verbs = {"offer": "Offered", "sign": "Signed", "reject": "Rejected", "withdraw": "Withdrew"}
    return f"{verbs[public['action']]} the agreement with the text {_short(public['hash'])}."


def _token_spec(public: Public) -> str:
    if public["action"] == "propose":
        return f"Proposed how the token {public['token']} is made, with the key {public['key_id']}."
    return f"Ran the test vectors of the token {public['token']} with the key {public['key_id']}."


def _room(public: Public) -> str:
    if public["action"] == "invite":
        return f"Invited {public['alias']} to the room {public['room']}."
    return f"{({'create': 'Created', 'accept': 'Accepted the invitation to'})[public['action']]} the room {public['room']}."


def _plan(public: Public) -> str:
    if public["action"] == "propose":
        return f"Proposed the release plan {_short(public['hash'])} with {', '.join(public['templates'])}."
    return f"Withdrew the release plan {_short(public['hash'])}."


def _key(public: Public) -> str:
    if public["action"] != "compared":
        raise KeyError(public["action"])
    return f"Compared the fingerprint of the room {_short(public['sha256'])} with the other side's, read aloud."


def _approval(public: Public) -> str:
    verb = "Rejected" if public["verdict"] == "reject" else "Signed"
    return f"{verb} the {public['object']} with the text {_short(public['hash'])}."


def _decision(public: Public) -> str:
    how = "automatically, because every check held and the template was approved before" if public.get("automatic") else ""
    return f"Decided to {public['verdict']} the result{f' {how}' if how else ''}."


def _precheck(public: Public) -> str:
    return f"Prechecks: {public['passed']} passed, {public['failed']} failed, {public['unknown']} cannot tell."


def _short(digest: Any) -> str:
    return str(digest)[:16]


_PLATFORM = {  # action at the platform a room really is on -> (to do, doing)
    "platform_room": ("to create at the platform the room", "creating at the platform the room"),
    "platform_catalog": ("to create the output catalog of", "creating the output catalog of"),
    "platform_table": ("to add to the platform's room", "adding to the platform's room"),
    "platform_removal": ("to remove from the platform's room", "removing from the platform's room"),
    "platform_upload": ("to upload the notebook", "uploading the notebook"),
    "platform_review": ("to review the notebook", "reviewing the notebook"),
    "platform_rule": ("to let pass without review the notebooks of", "letting pass without review the notebooks of"),
    "platform_run": ("to start the notebook", "starting the notebook"),
    "platform_read": ("to read into quarantine the output of run", "reading into quarantine the output of run"),
    "platform_release": ("to copy out of quarantine the output of run", "copying out of quarantine the output of run"),
    "platform_close": ("to delete the platform's room", "deleting the platform's room"),
}
_DOING = {"publish": "publishing", "sign": "signing", "run": "computing", "release": "releasing"} | {
    action: words[1] for action, words in _PLATFORM.items()
}
_ACTIONS = {"publish": "to publish", "sign": "to sign", "run": "to compute", "release": "to release"} | {
    action: words[0] for action, words in _PLATFORM.items()
}

_WORDS: Mapping[str, Callable[[Public], str]] = {
    "genesis": lambda public: "Began the log: the collaborators' keys are fixed here.",
    "room": _room,
    "agreement": _agreement,
    "policy": lambda public: f"Said the policy of {public['asset']} ({_short(public['hash'])}).",
    "token_spec": _token_spec,
    "precheck": _precheck,
    "asset": lambda public: f"Registered the asset {public['asset']}.",
    "plan": _plan,
    "approval": _approval,
    "run": lambda public: f"Computed {', '.join(public['templates'])} on {public['engine']}.",
    "result": lambda public: f"Put the result of {public['template']} for {public['receiver']} into quarantine.",
    "decision": _decision,
    "release": lambda public: f"Released the result of {public['template']} to {public['receiver']}.",
    "intent": lambda public: f"Began {_ACTIONS.get(public['action'], public['action'])} {_object(public['object'])}.",
    "outcome": lambda public: f"What was begun ended as {public['stage']}.",
    "access": lambda public: f"Looked at {public['object']}.",
    "key": _key,
}


def _object(name: Any) -> str:
    """`plan:<64 digits>` is too long to read; names stay as they are."""
    head, colon, digest = str(name).partition(":")
    return f"the {head} {_short(digest)}" if colon else head
