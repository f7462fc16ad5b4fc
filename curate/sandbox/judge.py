"""The judge: a process that holds the test and its expected values, and asks the sample's process for values.

In: one request (a trial, or calls to make). Out: one verdict with its reasons. The test is trusted code and runs here;
`candidate` and every other name it takes from the program are handles whose calls travel to the sample and come back
as plain values. Comparisons happen here, on values of exact built-in types, so there is nothing a sample can overload.

Where a test takes more from the sample than its candidate's plain values (a class to build arguments with, a helper
that it does not define, a comparison of two objects), the sample could bend it as if both shared a process; the detail
of such a verdict ends in `in-process: rests on` and names it. Of the public benchmarks only MBPP 367, 601 and 927 do.
"""

import builtins
import dis
import importlib
from types import CodeType, ModuleType
from typing import Any

from curate.sandbox.remote import Client, Remote, sentence
from curate.sandbox.sample import MODULES
from curate.sandbox.session import Ended, Session
from curate.sandbox.values import MAX_BYTES, NotPlain, TooDeep, decode, encode, is_plain, literal, refuse

_BUILTINS = frozenset(dir(builtins))
_SETTLED = frozenset({"pass", "wrong", "value", "raised", "error", "missing"})
"""What comes of a program whatever the machine does meanwhile."""
_AT_ONCE_S = 0.01
"""CPU seconds for all the calls before one that takes all the rest. Who has not used them is not given them: of 20,080
programs of recorded exercises 76 were believed endless so, after 0.02 s; 73 of them were as silent after 0.09 s."""
IN_PROCESS = "in-process: rests on "


def judge_trial(session: Session, request: dict[str, Any]) -> dict[str, Any]:
    """Run one trial: {"source", "entry_point", "test", "setup"} -> {"verdict", "detail", "final"}.

    `infra` is final here: the test is none, and would be none the next time.
    """
    client = Client(session)
    try:
        verdict, detail = _judge(client, request)
    except Ended as end:
        verdict, detail = end.verdict, end.detail
    if session.ended is not None:
        verdict, detail = session.ended.verdict, session.ended.detail
    detail = detail[:400]
    if client.leans_on:
        note = f"{IN_PROCESS}{', '.join(sorted(client.leans_on))}"[:200]
        detail = f"{detail}; {note}" if detail else note
    return {"verdict": verdict, "detail": detail, "final": verdict == "infra"}


def make_calls(session: Session, request: dict[str, Any]) -> dict[str, Any]:
    """Make calls: {"source", "entry_point", "arguments"} -> {"verdict", "detail", "outcomes": [four strings each]}."""
    client = Client(session)
    outcomes: list[tuple[str, str, str, str]] = []
    verdict, detail = "pass", ""
    try:
        _, failure, function = _load(client, request, [])
        if failure:
            raise Ended(*failure)
        size = 0
        for value, raised in client.call_each(function, request["arguments"]):
            outcomes.append(_outcome(value, raised))
            size += len(outcomes[-1][1])
            if size > 4 * MAX_BYTES:
                raise Ended("output", f"values of more than {MAX_BYTES >> 18} MB in all")
    except Ended as end:
        verdict, detail = end.verdict, end.detail
    except MemoryError:
        verdict, detail = "memory", "values too large for the judge"
    outcomes += [(verdict, "", "", detail)] * (len(request["arguments"]) - len(outcomes))
    return {"verdict": verdict, "detail": detail, "outcomes": outcomes}


def work_on_each(session: Session, request: dict[str, Any]) -> dict[str, Any]:
    """Do several trials or calls in one process: {"together", "each_cpu_s"} -> {"verdict", "detail", "replies"}.

    A reply is null for a program that did anything but give values and raise: it has to run apart. The process is left
    then, unless it was a call that stopped when it was asked to: there is no reply for those behind. Only of calls on a
    leash of which one took all the CPU time, or all but what those before it may take, is it believed that they would
    not have come to an end.
    """
    replies: list[dict[str, Any] | None] = []
    each_s = request["each_cpu_s"]
    silence_s = max(each_s - _AT_ONCE_S, each_s * 2 / 3) if request["leashed"] else each_s
    for each in request["together"]:
        session.next_program(each_s, None if "test" in each else silence_s)
        reply = judge_trial(session, each) if "test" in each else make_calls(session, each)
        cpu_s = session.spent_s()
        verdicts = {reply["verdict"], *(outcome[0] for outcome in reply.get("outcomes", ()))}
        settled = verdicts <= _SETTLED and session.ended is None
        silent = session.silent_since_s < _AT_ONCE_S and cpu_s - session.silent_since_s >= silence_s
        if reply["verdict"] == "timeout" and request["leashed"] and silent:
            replies.append(reply | {"cpu_s": each_s, "final": True})
        else:
            replies.append(reply | {"cpu_s": cpu_s} if settled else None)
        if not settled and not session.stopped:
            break
    return {"verdict": "pass", "detail": "", "replies": replies}


def _judge(client: Client, request: dict[str, Any]) -> tuple[str, str]:
    try:
        code = compile(request["test"], "<test>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        return "infra", f"the test does not compile: {problem}"
    offered, failure, candidate = _load(client, request, sorted(_names(code) - _BUILTINS))
    if failure:
        return failure
    try:
        namespace = {"__name__": "test", **_granted(client, code, offered, request["entry_point"])}
        exec(code, namespace)
        check = namespace.get("check")
        if not callable(check) or isinstance(check, Remote):
            return "infra", "the test defines no check(candidate)"
        if request["entry_point"] == "check":  # the test means that one where it calls `check`
            namespace["check"] = candidate
        check(candidate)
    except Exception as problem:  # noqa: BLE001 (whatever the test raises is its verdict)
        return _failure(client, problem)
    return ("pass", "") if client.calls else ("infra", "the test never called the candidate")


def _names(code: CodeType) -> set[str]:
    """Return the names that compiled code looks up, in its functions too."""
    inner = (_names(part) for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*inner)


def _granted(client: Client, code: CodeType, offered: dict[str, Any], entry_point: str) -> dict[str, Any]:
    """Return what a test gets of the names that the program defines, and note those on which the verdict rests.

    A name of a well-known module means that module, whatever the program made of it.
    """
    granted = {entry_point: offered.pop(entry_point)}
    for name in _free_names(code) & offered.keys() if offered else ():
        value = importlib.import_module(name) if name in MODULES else offered[name]
        if not isinstance(value, ModuleType):
            client.leans_on.add(name)
        granted[name] = value
    return granted


def _free_names(code: CodeType) -> set[str]:
    """Return the names that compiled code reads and its module level does not set."""

    def of(part: CodeType, kind: str) -> set[str]:
        return {step.argval for step in dis.get_instructions(part) if step.opname.startswith(kind)}

    def read(part: CodeType) -> set[str]:
        inner = [read(constant) for constant in part.co_consts if isinstance(constant, CodeType)]
        return (of(part, "LOAD_NAME") | of(part, "LOAD_GLOBAL")).union(*inner)

    return read(code) - of(code, "STORE_NAME")


def _load(
    client: Client, request: dict[str, Any], names: list[str]
) -> tuple[dict[str, Any], tuple[str, str] | None, Any]:
    """Run the program. Returns the names it defines, a verdict if it is no good, and the function."""
    entry = request["entry_point"]
    wanted = {entry, *names}
    loaded, raised = client.outcome("load", request["source"], entry, names)
    if raised is None and isinstance(loaded, dict) and request.get("setup"):
        more, raised = client.outcome("setup", request["setup"], names)
        loaded |= more if isinstance(more, dict) else {}
    if raised is not None:
        return {}, _verdict_of(raised), None
    if not isinstance(loaded, dict):
        return {}, ("crash", "wrote into the channel of answers"), None
    if not callable(loaded.get(entry)):
        return {}, ("missing", f"{entry} is not defined" if entry not in loaded else f"{entry} is no function"), None
    return {name: value for name, value in loaded.items() if name in wanted}, None, loaded[entry]


def _failure(client: Client, problem: Exception) -> tuple[str, str]:
    if client.raised is not None and client.raised in (problem, problem.__cause__):
        return _verdict_of(client.described)
    if isinstance(problem, MemoryError):
        return "memory", "the test ran out of memory on the values returned"
    if isinstance(problem, NameError) and problem.name:
        return "missing", f"{problem.name} is not defined"
    if isinstance(problem, TooDeep):
        return "output", str(problem)
    if isinstance(problem, NotPlain):
        return "infra", f"the test passes what cannot travel: {problem}"
    line = ""
    trace = problem.__traceback__
    while trace is not None:
        line = f" (test line {trace.tb_lineno})" if trace.tb_frame.f_code.co_filename == "<test>" else line
        trace = trace.tb_next
    try:
        text = str(problem)[:300]
    except (ValueError, MemoryError):  # an integer too long to print, for one
        text = "what cannot be printed"
    name = "" if isinstance(problem, AssertionError) else f"{type(problem).__name__}: "
    return "wrong", f"{name}{text}{line}"


def _verdict_of(raised: dict[str, Any]) -> tuple[str, str]:
    if raised["base"] in ("SystemExit", "KeyboardInterrupt"):
        return "crash", f"left by {sentence(raised)}"
    return raised["cause"] or "error", sentence(raised)


def _outcome(value: Any, raised: dict[str, Any] | None) -> tuple[str, str, str, str]:
    if raised is not None:
        verdict, detail = _verdict_of(raised)
        return ("raised" if verdict == "error" else verdict), raised["type"], raised["type"], detail
    try:
        plain = value if is_plain(value) else decode(encode(value, _as_dict, plain=True))
    except NotPlain as problem:
        return "error", "", type(value).__name__, str(problem)
    return "value", literal(plain), type(plain).__name__, ""


def _as_dict(value: Any) -> list[Any]:
    """Take the kinds of dict for dicts where a value must have a literal; refuse what has none."""
    return encode(dict(value), _as_dict, plain=True) if isinstance(value, dict) else refuse(value)
