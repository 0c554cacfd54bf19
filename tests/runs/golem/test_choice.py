"""Where a recipe runs, and what may be spent there: nothing that the user has not said."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from golem_pod import GolemPod

from sovrgit.errors import ConfigInvalid, SpendingRefused
from sovrgit.executors import parse_amount, wish_of
from sovrgit.objects.run import RunStatus
from sovrgit.pod.config import Config
from sovrgit.pod.recipe import Golem, parse_recipe
from sovrgit.runs.golem.choice import Choice, Wish, choose, spending
from sovrgit.runs.golem.limits import REAL_MONEY, Limits, Price
from sovrgit.scopes import Scopes

NOTHING = Wish()


def recipe(**golem: Any) -> Golem:
    found = parse_recipe(json.dumps({"name": "it", "golem": golem}).encode()).golem
    assert found is not None
    return found


def chosen(folder: Path, wish: Wish = NOTHING, script: str = "", **golem: Any) -> Choice:
    (folder / "script").mkdir(exist_ok=True)
    (folder / "script" / "it.py").write_text(script)
    return choose(recipe(**golem), folder, wish)


@pytest.mark.parametrize(
    ("script", "golem", "expected"),
    [
        ("print(1)", {"exec": "python3 script/it.py"}, Choice("local", "")),
        ("# import yapapi", {"exec": "python3 script/it.py"}, Choice("local", "")),
        ("", {"run": "true"}, Choice("local", "")),
        (
            "import yapapi",
            {"exec": "python3 [@]script/it.py"},
            Choice("devnet", "script", "`script/it.py` uses yapapi", needs_python=True),
        ),
        (
            "def f():\n    from yapapi.payload import vm",
            {"exec": "python3 script/it.py --fast"},
            Choice("devnet", "script", "`script/it.py` uses yapapi", needs_python=True),
        ),
        (
            'import { GolemNetwork } from "@golem-sdk/golem-js";',
            {"exec": "node script/it.py"},
            Choice("devnet", "script", "`script/it.py` uses @golem-sdk/golem-js"),
        ),
        (
            "",
            {"run": "true", "image": "golem/alpine:latest"},
            Choice("devnet", "declared", "the recipe has `image`", needs_python=True),
        ),
        (
            "import yapapi",
            {"exec": "python3 script/it.py", "network": "mainnet", "budget": "1000"},
            Choice("devnet", "script", "the recipe has `network`", needs_python=True),
        ),
    ],
)
def test_where_a_recipe_runs_by_itself(tmp_path: Path, script: str, golem: dict[str, Any], expected: Choice) -> None:
    assert chosen(tmp_path, script=script, **golem) == expected


def test_a_script_outside_of_the_pod_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("import yapapi")
    pod = tmp_path / "pod"
    (pod / "script").mkdir(parents=True)
    (pod / "script" / "link.py").symlink_to(tmp_path / "other.py")
    for command in ("python3 ../other.py", f"python3 {tmp_path}/other.py", "python3 script/link.py"):
        assert chosen(pod, exec=command).place == "local"


def test_what_the_user_says_counts(tmp_path: Path) -> None:
    plain = {"exec": "python3 script/it.py"}
    assert chosen(tmp_path, Wish(on="local"), "import yapapi", **plain) == Choice("local", "")
    assert chosen(tmp_path, Wish(on="devnet"), **plain) == Choice("devnet", "script")
    assert chosen(tmp_path, Wish(network="hoodi"), **plain).place == "golem"
    assert chosen(tmp_path, Wish(on="devnet", network="hoodi"), **plain).place == "devnet"
    # A network in the settings is for those who ask for Golem: by itself it leads nobody there.
    assert chosen(tmp_path, Wish(known_network="hoodi", budget=Decimal(1)), "import yapapi", **plain).place == "devnet"


# --- money ------------------------------------------------------------------------------------------------------

GREEDY = recipe(exec="true", network="mainnet", budget="1000000")


def allowed(place: Any = "golem", golem: Golem = GREEDY, *, answer: bool = False, **wish: Any) -> Any:
    asked: list[tuple[str, str, Decimal]] = []

    def confirm(network: str, token: str, budget: Decimal) -> bool:
        asked.append((network, token, budget))
        return answer

    return spending(place, golem, Wish(**wish), None, confirm), asked


def test_a_recipe_alone_spends_nothing() -> None:
    with pytest.raises(SpendingRefused, match="no network was named") as caught:
        allowed()
    assert "--on devnet" in caught.value.hint and "`mainnet` in the recipe" in caught.value.message


@pytest.mark.parametrize("wish", [{"network": "hoodi"}, {"known_network": "hoodi"}, {"network": "mainnet"}])
def test_a_network_without_a_budget_spends_nothing(wish: dict[str, str]) -> None:
    with pytest.raises(SpendingRefused, match="there is no budget"):
        allowed(**wish)


def test_a_budget_without_a_network_spends_nothing() -> None:
    with pytest.raises(SpendingRefused, match="no network"):
        allowed(budget=Decimal(1), spend=Decimal(1))


@pytest.mark.parametrize("network", sorted(REAL_MONEY))
def test_real_money_needs_to_be_agreed_to(network: str) -> None:
    with pytest.raises(SpendingRefused, match="real money") as caught:
        allowed(network=network, budget=Decimal(2))
    assert "--spend 2" in caught.value.hint
    given, asked = allowed(network=network, budget=Decimal(2), answer=True)
    assert asked == [(network, "glm", 2)] and given.limits.budget == 2
    given, asked = allowed(network=network, budget=Decimal(2), spend=Decimal("0.5"))
    assert asked == [] and given.limits.budget == Decimal("0.5")
    assert allowed(network=network, spend=Decimal("0.5"))[0].limits.budget == Decimal("0.5")


def test_worthless_tokens_need_a_budget_only() -> None:
    given, asked = allowed(network="hoodi", budget=Decimal(3))
    assert asked == [] and given.network == "hoodi"
    assert given.limits == Limits(frozenset({"erc20-hoodi-tglm"}), Decimal(3))


def test_the_recipe_lowers_the_budget_and_never_raises_it() -> None:
    assert allowed(network="hoodi", budget=Decimal(3))[0].limits.budget == 3
    low = recipe(exec="true", budget="0.25")
    assert allowed(golem=low, network="hoodi", budget=Decimal(3))[0].limits.budget == Decimal("0.25")
    assert allowed("devnet", golem=low)[0].limits.budget == Decimal("0.25")


def test_on_the_devnet_the_network_is_that_of_tests() -> None:
    given, asked = allowed("devnet")
    assert given.network == "hoodi" and asked == []
    assert allowed("devnet", network="polygon")[0].platform == "erc20-polygon-glm"


def test_a_network_that_there_is_not() -> None:
    for place in ("golem", "devnet"):
        with pytest.raises(SpendingRefused, match="there is no network `rinkeby`"):
            allowed(place, network="rinkeby", budget=Decimal(1))


def test_a_greedy_recipe_spends_nothing_on_the_real_network(lab: GolemPod) -> None:
    """Whatever stands in it: the daemon is not even asked."""
    lab.script("allocate('5'); leave()", network="mainnet", budget="1000000")
    environ = {"YAGNA_API_URL": lab.devnet.url, "YAGNA_APPKEY": lab.devnet.variables["YAGNA_APPKEY"]}
    for wish in ({}, {"network": "mainnet"}, {"network": "mainnet", "budget": Decimal(10)}):
        lab.refused(SpendingRefused, environ=environ, wish={"on": "golem", **wish})
    assert lab.agreed == [("mainnet", "glm", Decimal(10))]
    assert lab.ask("/payment-api/v1/allocations") == [] and not (lab.pod.root / "logs").exists()
    # And without a wish it is the devnet, whatever its settings say.
    lab.pod.config.set("golem.network", "mainnet")
    lab.pod.config.set("golem.budget", "1000")
    wish = wish_of(Wish(on="golem"), Scopes(pod=lab.pod.config).get)
    assert (wish.known_network, wish.budget) == ("", None)
    run = lab.run(environ=environ, wish={"on": None}).run
    assert run.executor["name"] == "devnet" and run.golem["emulated"] is True
    assert run.status is RunStatus.SUCCEEDED


# --- settings ---------------------------------------------------------------------------------------------------


def test_settings_of_the_user(tmp_path: Path) -> None:
    user, pod = Config(tmp_path / "user"), Config(tmp_path / "pod")
    for name, value in {
        "run.on": "golem",
        "golem.network": "hoodi",
        "golem.budget": "0.5",
        "golem.price.start": "0",
        "golem.price.cpu-hour": "0.25",
        "golem.python": "/opt/python",
    }.items():
        user.set(name, value)
    found = wish_of(Wish(), Scopes(user, pod).get, {"cpu-hour": Decimal(9)})
    assert found == Wish(
        on="golem",
        known_network="hoodi",
        budget=Decimal("0.5"),
        caps=Price(Decimal(0), Decimal("0.5"), Decimal(9)),
        python=Path("/opt/python"),
    )
    pod.set("run.on", "local")
    assert wish_of(Wish(), Scopes(user, pod).get).on == "local"
    assert wish_of(Wish(on="devnet"), Scopes(user, pod).get).on == "devnet"
    assert wish_of(Wish(network="hoodi"), Scopes(user, pod).get).on is None
    assert wish_of(Wish(budget=Decimal(2)), Scopes(user, pod).get).budget == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("run.on", "moon"), ("golem.budget", "much"), ("golem.budget", "-1"), ("golem.price.hour", "nan")],
)
def test_settings_without_meaning(tmp_path: Path, name: str, value: str) -> None:
    user = Config(tmp_path / "user")
    user.set(name, value)
    with pytest.raises(ConfigInvalid):
        wish_of(Wish(), Scopes(user).get)


@pytest.mark.parametrize("text", ["", "1,5", "-1", "nan", "inf", "1e999999999", "ten"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_amount(text)
