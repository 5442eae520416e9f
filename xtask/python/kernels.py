"""The kernels in pure Python, under CPython's own concurrency models. Standard library only.

One call measures one cell: it prepares the data, starts the pool if the model has a warm one, times one
run, checks the answer, and appends one line to the file that $HEDDLE_EXTRA names. An answer that is wrong
ends it with an error instead.

`threads` and `processes-*` start their workers within the timed part and join them there; the pools and
executors are started and warmed before. Forked workers inherit the data; others are handed their part, and
all processes hand their results back, since that is what a Python program does.
"""

import argparse
import array
import json
import multiprocessing
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

MAX_ITERATIONS = 200
# Sums of iteration counts by image size, from the definition: z = z*z + c, at most MAX_ITERATIONS while
# |z|^2 <= 4, over [-2, 0.5] x [-1.25, 1.25] at pixel centres.
MANDELBROT = {128: 884128, 256: 3526342}
DELAY_SECONDS = 0.002


class Mandelbrot:
    """Counts iterations over a square image; a part is every `of`-th row from `rank`."""

    def __init__(self, scale):
        self.n = 256 if scale >= 1 else 128

    def part(self, rank, of):
        return (self.n, rank, of)

    @staticmethod
    def work(part):
        n, rank, of = part
        total = 0
        for i in range(rank, n, of):
            cy = -1.25 + 2.5 * (i + 0.5) / n
            for j in range(n):
                cx = -2.0 + 2.5 * (j + 0.5) / n
                x = y = 0.0
                count = 0
                while count < MAX_ITERATIONS and x * x + y * y <= 4.0:
                    x, y = x * x - y * y + cx, 2.0 * x * y + cy
                    count += 1
                total += count
        return total

    def check(self, results):
        return sum(results) == MANDELBROT[self.n]


class Sum:
    """Adds an array of doubles; a part is a slice."""

    def __init__(self, scale):
        self.n = 1024 * int(4096 * scale)
        self.data = array.array("d", range(1024)) * (self.n // 1024)

    def part(self, rank, of):
        return self.data[self.n * rank // of : self.n * (rank + 1) // of]

    @staticmethod
    def work(part):
        total = 0.0
        for value in part:
            total += value
        return total

    def check(self, results):
        return sum(results) == self.n // 1024 * (1023 * 1024 // 2)


class Triad:
    """a = b + 3 c over arrays of doubles; a part is a slice of both, a result a slice of `a`."""

    def __init__(self, scale):
        self.n = 1024 * int(2048 * scale)
        self.b = array.array("d", range(1024)) * (self.n // 1024)
        self.c = array.array("d", range(512)) * (self.n // 512)

    def part(self, rank, of):
        span = slice(self.n * rank // of, self.n * (rank + 1) // of)
        return (self.b[span], self.c[span])

    @staticmethod
    def work(part):
        b, c = part
        return array.array("d", [x + 3.0 * y for x, y in zip(b, c)])

    def check(self, results):
        a = array.array("d")
        for result in results:
            a.extend(result)
        expected = array.array("d", [i + 3.0 * (i % 512) for i in range(1024)])
        return len(a) == self.n and all(a[at : at + 1024] == expected for at in range(0, self.n, 1024))


class Histogram:
    """Counts bytes into private tables that are merged; a part is a slice."""

    PATTERN = bytes(i * i % 251 for i in range(1024))

    def __init__(self, scale):
        self.n = 1024 * int(4096 * scale)
        self.data = self.PATTERN * (self.n // 1024)

    def part(self, rank, of):
        return self.data[self.n * rank // of : self.n * (rank + 1) // of]

    @staticmethod
    def work(part):
        table = [0] * 256
        for value in part:
            table[value] += 1
        return table

    def check(self, results):
        table = [sum(column) for column in zip(*results)]
        return table == [self.PATTERN.count(value) * (self.n // 1024) for value in range(256)]


class Echo:
    """Sends requests to a server that answers after a set delay; a part is a share of them over one connection.

    The server is the one that the native kernel talks to where `--server` names the program; else one of this script's own.
    """

    program = None

    def __init__(self, scale):
        self.n = int(200 * scale)
        command = [sys.executable, "-I", os.path.abspath(__file__), "--serve"]
        if self.program:
            command = [self.program, "--echo-server", str(int(DELAY_SECONDS * 1e6))]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.server.stdout.readline())

    def part(self, rank, of):
        return (self.port, range(self.n * rank // of, self.n * (rank + 1) // of))

    @staticmethod
    def work(part):
        port, requests = part
        answered = 0
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for request in requests:
                message = request.to_bytes(8, "little")
                connection.sendall(message)
                answer = b""
                while len(answer) < 8:
                    more = connection.recv(8 - len(answer))
                    if not more:
                        raise ConnectionError("the server hung up")
                    answer += more
                answered += answer == message
        return answered

    def check(self, results):
        self.server.stdin.close()
        self.server.wait()
        return sum(results) == self.n


def serve():
    """Answers 8-byte messages after the delay, until standard input ends."""
    import asyncio

    async def client(reader, writer):
        try:
            while True:
                message = await reader.readexactly(8)
                await asyncio.sleep(DELAY_SECONDS)
                writer.write(message)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main():
        server = await asyncio.start_server(client, "127.0.0.1", 0, backlog=512)
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        os._exit(0)

    asyncio.run(main())


KERNELS = {"mandelbrot": Mandelbrot, "sum": Sum, "triad": Triad, "histogram": Histogram, "echo": Echo}


def run_sequential(kernel, workers):
    return [kernel.work(kernel.part(0, 1))]


def run_threads(kernel, workers):
    results = [None] * workers

    def body(rank):
        results[rank] = kernel.work(kernel.part(rank, workers))

    threads = [threading.Thread(target=body, args=(rank,)) for rank in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def forked(kernel, rank, workers, connection):
    connection.send(kernel.work(kernel.part(rank, workers)))


def handed(work, part, connection):
    connection.send(work(part))


def run_processes(context, kernel, workers):
    processes, ends = [], []
    for rank in range(workers):
        ours, theirs = context.Pipe(duplex=False)
        if context.get_start_method() == "fork":
            process = context.Process(target=forked, args=(kernel, rank, workers, theirs))
        else:
            process = context.Process(target=handed, args=(kernel.work, kernel.part(rank, workers), theirs))
        process.start()
        theirs.close()
        processes.append(process)
        ends.append(ours)
    results = [end.recv() for end in ends]
    for process in processes:
        process.join()
        if process.exitcode != 0:
            raise SystemExit("a worker ended with %r" % process.exitcode)
    return results


def nothing(_=None):
    return os.getpid()


def warm(pool, workers):
    """Has every worker of a pool started and at rest."""
    list(pool.map(nothing, range(4 * workers)))
    return pool


def make_pool(model, workers):
    if model == "thread_pool":
        return warm(ThreadPool(workers), workers)
    if model == "process_pool":
        return warm(multiprocessing.Pool(workers), workers)
    if model == "executor-threads":
        return warm(ThreadPoolExecutor(workers), workers)
    if model == "executor-processes":
        return warm(ProcessPoolExecutor(workers), workers)
    raise SystemExit("there is no model " + model)


def end_pool(pool):
    if hasattr(pool, "shutdown"):
        pool.shutdown()
    else:
        pool.close()
        pool.join()


def timed(run):
    start = time.perf_counter_ns()
    result = run()
    return time.perf_counter_ns() - start, result


def kernel_time(kernel, model, workers):
    """Nanoseconds of one run of a kernel, with its answer checked."""
    if model == "sequential":
        took, results = timed(lambda: run_sequential(kernel, workers))
    elif model == "threads":
        took, results = timed(lambda: run_threads(kernel, workers))
    elif model.startswith("processes-"):
        context = multiprocessing.get_context(model[len("processes-") :])
        took, results = timed(lambda: run_processes(context, kernel, workers))
    else:
        pool = make_pool(model, workers)
        parts = lambda: (kernel.part(rank, workers) for rank in range(workers))
        took, results = timed(lambda: list(pool.map(kernel.work, parts())))
        end_pool(pool)
    if not kernel.check(results):
        raise SystemExit("wrong answer")
    return took


def spawn_cost(model, workers):
    """Mean nanoseconds to start and join one worker, or one pool of one."""
    if model == "threads":
        make, count = (lambda: threading.Thread(target=nothing)), 200
    elif model.startswith("processes-"):
        context = multiprocessing.get_context(model[len("processes-") :])
        make, count = (lambda: context.Process(target=nothing)), 5
    else:
        make, count = None, 5

    def once():
        if make is None:
            end_pool(make_pool(model, workers))
        else:
            worker = make()
            worker.start()
            worker.join()

    once()  # starts the fork server and the resource tracker, where there are such
    took, _ = timed(lambda: [once() for _ in range(count)])
    return took / count


def descendants(pid):
    """A process and all below it."""
    found = [pid]
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, task)) as file:
            for child in file.read().split():
                found += descendants(int(child))
    return found


def pss():
    """Proportional set size of this process and all below it, in bytes."""
    total = 0
    for pid in descendants(os.getpid()):
        with open("/proc/%d/smaps_rollup" % pid) as file:
            total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    return total


def wait_for_word(ready, word):
    ready.send(1)
    word.recv()


def memory_cost(model, workers):
    """Bytes of memory that each idle worker adds."""
    before = pss()
    if model == "threads":
        ready, go = queue.Queue(), threading.Event()
        body = lambda: (ready.put(1), go.wait())
        threads = [threading.Thread(target=body) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for _ in threads:
            ready.get()
        after = pss()
        go.set()
        for thread in threads:
            thread.join()
    elif model.startswith("processes-"):
        context = multiprocessing.get_context(model[len("processes-") :])
        family = []
        for _ in range(workers):
            (ready, ready_end), (word_end, word) = context.Pipe(False), context.Pipe(False)
            process = context.Process(target=wait_for_word, args=(ready_end, word_end))
            process.start()
            family.append((process, ready, word))
        for _, ready, _ in family:
            ready.recv()
        after = pss()
        for process, _, word in family:
            word.send(1)
            process.join()
    else:
        pool = make_pool(model, workers)
        after = pss()
        end_pool(pool)
    # Pages of libraries count less as soon as other processes map them too: below that noise a worker adds nothing.
    return max(0, after - before) / workers


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--server", metavar="PROGRAM", help="serves echo, and prints its port")
    parser.add_argument("--group")
    parser.add_argument("--model")
    parser.add_argument("--variant")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--scale", type=float, default=1.0)
    args = parser.parse_args()
    if args.serve:
        return serve()
    subject = args.group.split("/")[0]
    metric, unit, params = "time", "ns", {}
    if subject == "spawn-cost":
        value = spawn_cost(args.model, args.workers)
    elif subject == "memory-cost":
        metric, unit = "pss", "bytes"
        value = memory_cost(args.model, args.workers)
    elif subject in KERNELS:
        Echo.program = args.server
        kernel = KERNELS[subject](args.scale)
        params = {"n": kernel.n}
        value = kernel_time(kernel, args.model, args.workers)
    else:
        raise SystemExit("there is no kernel " + subject)
    record = {
        "group": args.group,
        "variant": args.variant,
        "workers": args.workers,
        "metric": metric,
        "unit": unit,
        "better": "lower",
        "value": float(value),
        "params": params,
    }
    with open(os.environ["HEDDLE_EXTRA"], "a") as file:
        file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
