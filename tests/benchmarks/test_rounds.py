from benchmarks.rounds import Spread, Verdict, ratio, ratios


def test_a_figure_is_shown_with_its_noise() -> None:
    assert f"{Spread((13.04, 11.9, 14.26)):.1f}" == "13.0 (11.9 to 14.3)"
    assert f"{Spread((1500.0,)):,.0f}" == "1,500 (1,500 to 1,500)"


def test_ratios_are_paired_within_a_round() -> None:
    assert ratios([10.0, 30.0], [5.0, 10.0]).rounds == (2.0, 3.0)


def test_both_sides_run_in_turn() -> None:
    calls: list[str] = []
    spread = ratio(
        "a", lambda: len(calls.append("ours") or calls), lambda: calls.append("theirs") or 2, rounds=2, unit=""
    )
    assert calls == ["ours", "theirs"] * 2
    assert spread.rounds == (0.5, 1.5)


def test_the_last_line_says_whether_the_goal_was_reached() -> None:
    assert Verdict(values="2 times", goal="3", ok=False).line("create") == "bench create: 2 times (goal 3) short"
