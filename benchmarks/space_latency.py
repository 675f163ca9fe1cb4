"""What the app adds to a prediction: raw HTTP against the model alone, in turn, on one machine in one run.

python benchmarks/space_latency.py                    runs/quickstart, two minutes
python benchmarks/space_latency.py --predictions 0    without the memory part, half a minute
python benchmarks/space_latency.py --model RUN --json one JSON object

| arm     | what                                                                                    |
|---------|-----------------------------------------------------------------------------------------|
| bare    | Predictor.predict in a loop, tokenisation included: 1 sentence, or batches of 16        |
| no-op   | an endpoint that does nothing, in the same server                                       |
| predict | the app's endpoint, POST /gradio_api/run/predict                                        |
| queue   | the same through Gradio's queue: POST /gradio_api/call/predict, then its event stream   |

A sentence has 10 words. The server is the whole app in a process of its own; clients keep their connection. Every arm
runs once unmeasured. Processor time is that of the server alone: it hardly moves where other programs keep the cores
busy, while seconds do.
"""

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.throughput import spread
from cli.errors import UserError
from cli.script import run_script

SENTENCE = "a slow film at first but the cast is wonderful"
CLIENTS = 16
WARM = 1000
"""Predictions after which memory is read for the first time."""
START_SECONDS = 60


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--model", default="runs/quickstart", help="a run, a model folder or a Hub id")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of the app and of the bare model")
    parser.add_argument("--rounds", type=int, default=5, help="times that every arm runs")
    parser.add_argument("--requests", type=int, default=160, help="sentences of an arm in a round")
    parser.add_argument("--predictions", type=int, default=10_000, help="between the two looks at memory; 0: none")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.requests < CLIENTS or args.rounds < 1:
        parser.error(f"it takes 1 round or more, of {CLIENTS} requests or more")
    return args


def serve_app(model: str, threads: int, port: int) -> None:
    """Serve the app, and beside it an endpoint that does nothing."""
    from space.app import build, serve
    from space.clinic import Clinic

    # Gradio must be imported after space.app has set its environment.
    import gradio as gr  # isort: skip

    async def noop(text: str) -> dict:
        return {"label": "POSITIVE", "probability": 0.5}

    clinic = Clinic(model, Path("runs"), threads)
    clinic.predictor()
    page = build(clinic)
    with page:
        gr.api(noop, api_name="noop", queue=False, concurrency_limit=None)
    serve(page, port)


async def wait_for(port: int, server: subprocess.Popen) -> None:
    """Wait until the server takes connections."""
    for _ in range(START_SECONDS * 10):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        except OSError:
            if server.poll() is not None:
                break
            await asyncio.sleep(0.1)
    raise UserError("the app did not start: try python space/app.py")


async def direct(session, root: str, name: str) -> None:
    """One request and its answer."""
    async with session.post(f"{root}/run/{name}", json={"data": [SENTENCE]}) as response:
        body = await response.read()
        assert response.status == 200 and b"label" in body, body


async def queued(session, root: str, name: str) -> None:
    """The same through the queue: one request that asks, one that reads the answer."""
    async with session.post(f"{root}/call/{name}", json={"data": [SENTENCE]}) as response:
        event = (await response.json())["event_id"]
    async with session.get(f"{root}/call/{name}/{event}") as response:
        body = await response.read()
        assert b"event: complete" in body, body


async def ask(process, root: str, name: str, way, clients: int, requests: int) -> dict:
    """Milliseconds of every request, sentences a second of all clients, and the server's processor ms a sentence."""
    import aiohttp

    times = []
    async with aiohttp.ClientSession() as session:

        async def client(count: int) -> None:
            for _ in range(count):
                start = time.perf_counter()
                await way(session, root, name)
                times.append(1000 * (time.perf_counter() - start))

        # Opens the connections.
        await asyncio.gather(*(way(session, root, name) for _ in range(clients)))
        used, start = sum(process.cpu_times()[:2]), time.perf_counter()
        await asyncio.gather(*(client(requests // clients) for _ in range(clients)))
        seconds, used = time.perf_counter() - start, sum(process.cpu_times()[:2]) - used
    return {"times": times, "rate": len(times) / seconds, "processor": 1000 * used / len(times)}


def ask_bare(predictor, at_once: int, requests: int) -> dict:
    """Milliseconds of every call, sentences a second, and processor milliseconds a sentence."""
    times, texts = [], [SENTENCE] * at_once
    count = max(1, requests // at_once)
    used, begin = time.process_time(), time.perf_counter()
    for _ in range(count):
        start = time.perf_counter()
        predictor.predict(texts)
        times.append(1000 * (time.perf_counter() - start))
    seconds, used = time.perf_counter() - begin, time.process_time() - used
    return {"times": times, "rate": count * at_once / seconds, "processor": 1000 * used / (count * at_once)}


async def measure(args: argparse.Namespace, port: int, server: subprocess.Popen) -> dict:
    import numpy as np
    import psutil

    from eval.predictor import Predictor

    predictor = Predictor.load(args.model, threads=args.threads)
    await wait_for(port, server)
    process = psutil.Process(server.pid)
    root = f"http://127.0.0.1:{port}/gradio_api"
    arms = {"no-op": ("noop", direct), "predict": ("predict", direct), "queue": ("predict", queued)}
    rounds = []
    for number in range(args.rounds + 1):
        found = {}
        for clients in (1, CLIENTS):
            found[f"bare {clients}"] = ask_bare(predictor, clients, args.requests)
            for arm, (name, way) in arms.items():
                found[f"{arm} {clients}"] = await ask(process, root, name, way, clients, args.requests)
        if number:
            rounds.append(found)
            print(
                f"round {number}  1 client {np.median(found['predict 1']['times']):.1f} ms "
                f"(bare {np.median(found['bare 1']['times']):.1f}), {CLIENTS} clients "
                f"{found[f'predict {CLIENTS}']['rate']:.0f}/s (bare {found[f'bare {CLIENTS}']['rate']:.0f})",
                file=sys.stderr,
                flush=True,
            )
    memory = None
    if args.predictions:
        megabytes = []
        for count in (WARM, args.predictions):
            await ask(process, root, "predict", direct, CLIENTS, count)
            megabytes.append(process.memory_info().rss / 1e6)
        memory = {"before": megabytes[0], "after": megabytes[1], "growth": megabytes[1] / megabytes[0] - 1}

    def quantile(arm: str, q: float) -> list[float]:
        return [float(np.percentile(each[arm]["times"], q)) for each in rounds]

    def of(arm: str, figure: str) -> list[float]:
        return [each[arm][figure] for each in rounds]

    def ratio(ones: list[float], others: list[float]) -> dict:
        return spread([one / other for one, other in zip(ones, others, strict=True)])

    names = list(rounds[0])
    many, bare = f"predict {CLIENTS}", f"bare {CLIENTS}"
    return {
        "p50_ms": {name: spread(quantile(name, 50)) for name in names},
        "p95_ms": {name: spread(quantile(name, 95)) for name in names},
        "sentences_per_second": {name: spread(of(name, "rate")) for name in names},
        "processor_ms": {name: spread(of(name, "processor")) for name in names},
        "ratios": {
            "p50 to bare": ratio(quantile("predict 1", 50), quantile("bare 1", 50)),
            "p95 to p50": ratio(quantile("predict 1", 95), quantile("predict 1", 50)),
            "sentences a second to bare": ratio(of(many, "rate"), of(bare, "rate")),
            "the same in processor time": ratio(of(bare, "processor"), of(many, "processor")),
        },
        "memory_mb": memory,
    }


def benchmark(args: argparse.Namespace) -> dict:
    """Start the app, ask it and the bare model in turn, and stop it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, __file__, "--serve", str(port), "--model", args.model, "--threads", str(args.threads)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return asyncio.run(measure(args, port, server))
    finally:
        server.terminate()
        server.wait()


def describe(result: dict) -> str:
    def column(figures: dict, name: str, digits: int = 1) -> str:
        return f"{figures[name]['median']:12.{digits}f}"

    lines = [f"{'arm, clients':14}{'p50 ms':>12}{'p95 ms':>12}{'sentences/s':>12}{'cpu ms each':>12}"]
    for name in result["p50_ms"]:
        columns = (result["p50_ms"], result["p95_ms"], result["sentences_per_second"])
        lines.append(
            f"{name:14}{''.join(column(each, name) for each in columns)}{column(result['processor_ms'], name, 2)}"
        )
    lines.append("")
    targets = dict(zip(result["ratios"], ("at most 3", "at most 2", "at least 0.30", ""), strict=True))
    for name, ratio in result["ratios"].items():
        target = f", wanted {targets[name]}" if targets[name] else ""
        lines.append(f"{name:28}{ratio['median']:6.2f} ({ratio['low']:.2f}-{ratio['high']:.2f}){target}")
    if memory := result["memory_mb"]:
        lines.append(
            f"memory {memory['before']:.0f} MB after {WARM:,} predictions, {memory['after']:.0f} MB at the end: "
            f"{memory['growth']:+.1%}, wanted within 5%"
        )
    return "\n".join(lines)


def main() -> None:
    args = parse_args()
    if args.serve:
        serve_app(args.model, args.threads, args.serve)
        return
    result = benchmark(args)
    print(json.dumps(result) if args.json else describe(result))


if __name__ == "__main__":
    run_script(main)
