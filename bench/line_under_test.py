"""The order line as a process of its own for `bench.calls`.

With "busy", a CPU-bound Python thread is beside it; with "hung", orders wait for a sales system that says nothing.
"""

from __future__ import annotations

import sys
import threading

from admin.bootstrap import Node, running
from admin.config_reading import read_config
from admin.opening import load_demo_data, open_database, prepare_folder, prompt_store, the_wording
from bench.sales_backlog import write_orders

WAITING = 200


def _burn() -> None:
    number = 0
    while True:
        number = (number * 31 + 7) % 1_000_003


def main() -> None:
    """Serve until standard input ends; prints READY and the paths of the two prompts that callers are answered with."""
    config = read_config(None)
    prepare_folder(config)
    store = open_database(config)
    load_demo_data(config, store)
    if "hung" in sys.argv[1:]:
        write_orders(store, WAITING)
    wording = the_wording()
    prompts = prompt_store(config, wording)
    from speech.prompt import prompt  # noqa: PLC0415

    for name in ("welcome", "english_hint", "licence_tail_wanted", "miss_silence", "goodbye", "pin_wanted"):
        prompts.clip(prompt(name), "zh", "normal")
    right = prompts.clip(prompt("pin_wanted"), "zh", "normal")
    first = prompts.clip(prompt("licence_tail_wanted"), "zh", "normal")
    with running(Node(config, store, wording, prompts)):
        if "busy" in sys.argv[1:]:
            threading.Thread(target=_burn, daemon=True).start()
        print("READY", right.alaw, first.alaw, flush=True)
        sys.stdin.read()


main()
