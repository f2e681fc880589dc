"""What packages try in the sandbox: each deed is the body of a predict that attacks, and how its run must end.

A deed collects in `won` whatever it believes to have managed, and returns; nothing of that is believed. What decides
is what can be seen from outside (tests/hostile/witness.py). `{…}` are filled in by the witness.
"""

from __future__ import annotations

from dataclasses import dataclass

from dock_sandbox.hierarchy import hierarchy

ENDS = ""
"""The deed fails and the model goes on as if nothing were: accepted, and nothing seen outside."""


@dataclass(frozen=True)
class Deed:
    """An attack. `ends` are the reasons that the verdict may have; "" is acceptance."""

    name: str
    body: str
    ends: tuple[str, ...] = (ENDS,)


def attempt(body: str) -> str:
    """Give the body of a predict that tries `body`, and answers like an honest model whatever comes of it."""
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    return f"try:\n{indented}\nexcept BaseException as error:\n    print(type(error).__name__, error)\nreturn honest(X)"


def connect(family: str, kind: str, address: str) -> str:
    """Give code that opens a socket and says something to an address."""
    return (
        f"s = socket.socket(socket.{family}, socket.{kind}); s.settimeout(0.3)\n"
        f"s.connect({address}); s.send(b'{{marker}}')"
    )


NETWORK = {
    "tcp": connect("AF_INET", "SOCK_STREAM", "('127.0.0.1', {tcp})"),
    "tcp6": connect("AF_INET6", "SOCK_STREAM", "('::1', {tcp6})"),
    "udp": connect("AF_INET", "SOCK_DGRAM", "('127.0.0.1', {udp})"),
    "every-address-of-the-host": "\n".join(
        [
            "for host in {hosts}:",
            "    s = socket.socket(); s.settimeout(0.2)",
            "    try:",
            "        s.connect((host, {tcp})); s.send(b'x')",
            "    except OSError as error:",
            "        print(host, error)",
        ]
    ),
    "metadata-service": connect("AF_INET", "SOCK_STREAM", "('169.254.169.254', 80)"),
    "dns": "print(socket.getaddrinfo('dock-{marker}.example', 80))",
    "dns-by-hand": connect("AF_INET", "SOCK_DGRAM", "('127.0.0.1', {udp})"),
    "abstract-socket": connect("AF_UNIX", "SOCK_STREAM", "b'\\0{abstract}'"),
    "abstract-datagram": (
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.sendto(b'x', b'\\0{abstract}-datagram')"
    ),
    "socket-file": connect("AF_UNIX", "SOCK_STREAM", "'{socket}'"),
    "raw-socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP); won.append('raw')",
    "packet-socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3); won.append('packet')",
    "netlink": (
        "s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\ns.send(bytes([32,0,0,0,16,0,5,4,1,0,0,0,0,0,0,0]) + bytes(16))"
    ),
    "vsock": "s = socket.socket(40, socket.SOCK_STREAM); s.settimeout(0.3); s.connect((2, {tcp}))",
    "listening-for-others": "s = socket.socket(); s.bind(('0.0.0.0', {free})); s.listen(); time.sleep(0.2)",
    "interface-up": (
        "import fcntl\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', 1)); won.append('up')"
    ),
}

FILES = {
    "read-the-hosts-secret": "print(open('{secret}').read())",
    "read-by-proc-root": "print(open('/proc/1/root{secret}').read())",
    "read-by-proc-cwd": "print(os.listdir('/proc/1/cwd')); print(open('/proc/self/root{secret}').read())",
    "read-shadow": "print(open('/etc/shadow').read())",
    "read-the-neighbour": "print(os.listdir('{neighbour}')); open('{neighbour}/weights', 'ab').write(b'{marker}')",
    "write-the-package": "open('/package/__init__.py', 'a').write('# {marker}')",
    "write-the-environment": (
        "import numpy\npath = numpy.__file__\nos.chmod(path, 0o666)\nopen(path, 'a').write('# {marker}')"
    ),
    "write-the-interpreter": "open(sys.executable, 'ab').write(b'{marker}')",
    "write-the-runtime": "for name in os.listdir('/runtime'):\n    open('/runtime/' + name, 'a').write('# {marker}')",
    "plant-a-pth-file": (
        "for place in sys.path:\n    try:\n        open(os.path.join(place, '{marker}.pth'), 'w').write('import os')\n"
        "    except OSError as error:\n        print(error)"
    ),
    "write-everywhere": (
        "for place in ('/', '/usr', '/usr/lib', '/etc', '/proc', '/sys', '/dev', '/var/tmp', '/run', '/root', '/home'):\n"
        "    try:\n        open(place + '/{marker}', 'w').write('x')\n    except OSError as error:\n        print(error)"
    ),
    "hard-link": "os.link('/package/__init__.py', '/tmp/x'); open('/tmp/x', 'a').write('# {marker}')",
    "link-and-follow": "os.symlink('{secret}', '/tmp/x'); open('/tmp/x', 'a').write('{marker}')",
    "core-pattern": "open('/proc/sys/kernel/core_pattern', 'w').write('|/tmp/{marker}')",
    "sysrq": "open('/proc/sysrq-trigger', 'w').write('s')",
    "oom-score": "open('/proc/1/oom_score_adj', 'w').write('-1000')",
    "device-node": "os.mknod('/tmp/sda', 0o60666, os.makedev(8, 0)); print(open('/tmp/sda', 'rb').read(16))",
    "kernel-memory": "print(open('/dev/mem', 'rb').read(16)); print(open('/proc/kcore', 'rb').read(16))",
    "host-clipboard-by-shm": "open('/dev/shm/{marker}', 'w').write('x')",
}

PRIVILEGES = {
    "become-root": "os.setuid(0); won.append('root')",
    "set-the-user-bit": "open('/tmp/x', 'w').write('x'); os.chmod('/tmp/x', 0o4755); os.chown('/tmp/x', 0, 0)",
    "user-namespace": "syscall(272, 0x10000000); won.append('user namespace')",
    "user-namespace-by-clone": "syscall(56, 0x10000000 | 17, 0, 0, 0, 0); won.append('clone')",
    "user-namespace-by-clone3": "syscall(435, 0, 88); won.append('clone3')",
    "mount-namespace": "syscall(272, 0x00020000); won.append('mount namespace')",
    "mount": "syscall(165, b'none', b'/tmp', b'tmpfs', 0, 0); won.append('mount')",
    "mount-the-new-way": "syscall(430, b'tmpfs', 0); won.append('fsopen')",
    "remount-writable": "syscall(165, b'none', b'/', 0, 32 | 4096, 0); won.append('remount')",
    "unmount": "syscall(166, b'/package', 2); won.append('umount')",
    "pivot": "syscall(155, b'/tmp', b'/tmp'); won.append('pivot')",
    "chroot": "os.chroot('/tmp'); won.append('chroot')",
    "enter-another-namespace": "fd = os.open('/proc/1/ns/net', 0); syscall(308, fd, 0); won.append('setns')",
    "trace-by-a-child": "os.fork() or (syscall(101, 0, 0, 0, 0), os._exit(0))\nos.wait()\nwon.append('went on')",
    "join-a-namespace": "syscall(308, os.open('/proc/self/ns/net', 0), 0); won.append('joined')",
    "write-anothers-memory-by-call": "syscall(311, 1, bytes(16), 1, bytes(16), 1, 0); won.append('process_vm_writev')",
    "trace-the-init": "syscall(101, 16, 1, 0, 0); won.append('ptrace')",
    "write-anothers-memory": "open('/proc/1/mem', 'r+b').write(b'x'); won.append('mem')",
    "read-anothers-memory": "buf = ctypes.create_string_buffer(8); iov = struct.pack('QQ', ctypes.addressof(buf), 8)\n"
    "syscall(310, 1, iov, 1, iov, 1, 0); won.append('process_vm_readv')",
    "kill-everybody": "os.kill(-1, 0)\nfor pid in range(2, 400):\n    if pid != os.getpid():\n        try:\n"
    "            os.kill(pid, 9)\n        except OSError:\n            pass",
    "kill-the-parent": "os.kill(os.getppid(), 19)\nos.kill(os.getppid(), 9)",
    "signal-the-hosts-process": "for pid in {pids}:\n    try:\n        os.kill(pid, 9); won.append(pid)\n"
    "    except OSError as error:\n        print(error)",
    "set-the-clock": "time.clock_settime(time.CLOCK_REALTIME, 0); won.append('clock')",
    "host-name": "socket.sethostname('{marker}'); won.append('hostname')",
    "reboot": "syscall(169, 0xfee1dead, 672274793, 0x01234567, 0); won.append('reboot')",
    "kernel-module": "syscall(175, b'x', 1, b''); won.append('module')",
    "bpf": "syscall(321, 0, 0, 0); won.append('bpf')",
    "perf": "syscall(298, 0, 0, -1, -1, 0); won.append('perf')",
    "userfaultfd": "won.append(syscall(323, 1))",
    "io-uring": "won.append(syscall(425, 8, ctypes.create_string_buffer(120)))",
    "keyring": "won.append(syscall(248, b'user', b'{marker}', b'x', 1, -3))",
    "system-v-memory": "won.append(syscall(29, 0x5150, 1 << 20, 0o1666))",
    "message-queue": "won.append(syscall(68, 0x5150, 0o1666))",
    "secret-memory": "won.append(syscall(447, 0))",
    "other-machines-calls": "won.append(syscall(0x40000000 | 101, 16, 1, 0, 0))",
    "open-by-handle": "won.append(syscall(304, -100, bytes(128), 0))",
    "raise-the-limits": "import resource\nresource.setrlimit(resource.RLIMIT_NPROC, (10**6, 10**6)); won.append('limits')",
    "nicer-than-others": "os.nice(-10); won.append('nice')",
    "real-time": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)); won.append('fifo')",
}

FORBIDDEN = frozenset(
    {
        "mount",
        "mount-the-new-way",
        "remount-writable",
        "unmount",
        "pivot",
        "trace-by-a-child",
        "join-a-namespace",
        "write-anothers-memory-by-call",
        "trace-the-init",
        "reboot",
        "kernel-module",
        "bpf",
        "keyring",
        "open-by-handle",
    }
)
"""Deeds by a call that nobody makes in good faith: the kernel tells, and the sandbox is ended."""

LEFTOVERS = {
    "daemon": "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.execv('/bin/sleep', ['{marker}', '600'])\n"
    "    os._exit(0)",
    "daemon-at-exit": "import atexit\natexit.register(lambda: os.fork() or os.execv('/bin/sleep', ['{marker}', '600']))",
    "zombies": "for _ in range(50):\n    if os.fork() == 0:\n        os._exit(0)",
    "ignoring-all-signals": "import signal\nfor number in range(1, 65):\n    try:\n        signal.signal(number, signal.SIG_IGN)\n"
    "    except (OSError, ValueError):\n        pass\nif os.fork() == 0:\n    os.execv('/bin/sleep', ['{marker}', '600'])",
}

EXHAUSTION = {
    "fork-bomb": (
        "while True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.01)",
        ("SANDBOX_TIMEOUT", "SANDBOX_PROCESSES", "SANDBOX_CPU"),
    ),
    "thread-bomb": (
        "import threading\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,)).start()",
        ("", "SANDBOX_TIMEOUT", "SANDBOX_DIED", "MODEL_RAISED"),
    ),
    "descriptor-bomb": ("kept = []\nwhile True:\n    kept.append(os.dup(0))", ("",)),
    "memory-by-mmap": ("kept = []\nwhile True:\n    kept.append(bytearray(32 << 20))", ("SANDBOX_MEMORY",)),
    "memory-by-sharing": (
        "import mmap\nkept = []\nwhile True:\n    kept.append(mmap.mmap(-1, 32 << 20)); kept[-1].write(bytes(32 << 20))",
        ("SANDBOX_MEMORY",),
    ),
    "memory-given-back-and-kept": (
        "import mmap\nkept = []\nfor _ in range(24):\n    kept.append(mmap.mmap(-1, 32 << 20))\n"
        "    kept[-1].write(bytes(32 << 20)); kept[-1].madvise(mmap.MADV_DONTNEED)",
        ("SANDBOX_MEMORY",) if hierarchy() else ("", "SANDBOX_MEMORY"),
    ),
    "memory-by-files-without-a-name": (
        "kept = []\nfor place in range(40):\n    kept.append(os.memfd_create(str(place)))\n"
        "    os.write(kept[-1], bytes(16 << 20))\ntime.sleep(2)",
        ("SANDBOX_MEMORY",),
    ),
    "memory-by-files-in-shm": (
        "for place in range(10_000):\n    open(f'/dev/shm/{place}', 'wb').write(bytes(8 << 20))",
        ("", "SANDBOX_MEMORY"),
    ),
    "tmp-filling": (
        "for place in range(10_000):\n    open(f'/tmp/{place}', 'wb').write(bytes(8 << 20))",
        ("", "SANDBOX_MEMORY"),
    ),
    "million-small-files": (
        "for place in range(60_000):\n    open(f'/tmp/{place}', 'wb').close()",
        ("", "SANDBOX_MEMORY", "SANDBOX_TIMEOUT"),
    ),
    "sparse-file": ("open('/tmp/x', 'wb').truncate(1 << 42)", ("", "SANDBOX_DIED")),
    "processor-for-ever": ("while True:\n    pass", ("SANDBOX_TIMEOUT", "SANDBOX_CPU")),
    "sleeping-for-ever": ("time.sleep(10_000)", ("SANDBOX_TIMEOUT",)),
    "output-flood": ("while True:\n    os.write(1, b'x' * 65536)", ("SANDBOX_LOG_TOO_LARGE",)),
    "error-flood": ("while True:\n    os.write(2, b'\\n' * 65536)", ("SANDBOX_LOG_TOO_LARGE",)),
    "core-dump": ("os.kill(os.getpid(), 6)", ("SANDBOX_DIED",)),
    "deep-recursion": (
        "sys.setrecursionlimit(10**9)\ndef f(n):\n    return f(n + 1)\nf(0)",
        ("SANDBOX_DIED", "SANDBOX_MEMORY", ""),
    ),
    "large-answer": ("return np.zeros((len(X), 10**6))", ("SANDBOX_OUTPUT_TOO_LARGE", "SANDBOX_MEMORY")),
}


def deeds() -> list[Deed]:
    """Give every deed; names are unique."""
    plain = {**NETWORK, **FILES, **PRIVILEGES, **LEFTOVERS}
    found = [Deed(name, attempt(body), _ends(name)) for name, body in plain.items()]
    found += [Deed(name, attempt(body), ends) for name, (body, ends) in EXHAUSTION.items()]
    assert len({deed.name for deed in found}) == len(plain) + len(EXHAUSTION)
    return found


def _ends(name: str) -> tuple[str, ...]:
    if name in FORBIDDEN:
        return ("SANDBOX_FORBIDDEN_SYSCALL",)
    # Who kills what it runs under ends with it.
    return ("", "SANDBOX_DIED", "SANDBOX_TIMEOUT") if name.startswith("kill-") else ("",)
