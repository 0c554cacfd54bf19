"""Greets whoever is named in payload/name.txt: one input, one output, the same result every time."""

from pathlib import Path

POD = Path(__file__).absolute().parent.parent


def main() -> None:
    name = (POD / "payload" / "name.txt").read_text(encoding="utf-8").strip() or "World"
    output = POD / "output"
    output.mkdir(exist_ok=True)
    with open(output / "greeting.txt", "w", encoding="utf-8", newline="\n") as stream:
        stream.write(f"Hello, {name}!\n")
    print(f"wrote output/greeting.txt for {name}")


if __name__ == "__main__":
    main()
