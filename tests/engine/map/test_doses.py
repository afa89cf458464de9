"""The figure of doses: which column holds them, what each panel shows, and that `map` draws it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fastbench.engine.errors import InputError
from fastbench.engine.figures.style import house_style
from fastbench.engine.map.dose_values import dose_column, dose_notes, read_doses
from fastbench.engine.map.doses import Curve, dose_curves, dose_page
from fastbench.engine.map.job import MapResult
from fastbench.engine.map.options import MapOptions

from ..figures.pictures import no_drawing

CHANCE = 0.2


def groups(n_compounds: int = 3, doses: Any = (10.0, 0.1, 1.0)) -> pl.DataFrame:
    """Doses in no order; compound k is significant from the k-th dose on."""
    rows = [
        (f"c{k:02}", dose, 0.3 + 0.2 * rank - 0.01 * k, rank >= k)
        for k in range(n_compounds)
        for dose in doses
        for rank in [sorted(doses).index(dose)]
    ]
    names = ["drug", "Metadata_dose_uM", "mean_average_precision", "below_corrected_p"]
    precision = pl.col("mean_average_precision")
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        mean_normalized_average_precision=(precision - CHANCE) / (1 - CHANCE)
    )


BY = ("drug", "Metadata_dose_uM")


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("Metadata_dose_uM", [0.1, 1.0, 1.0], True),
        ("Metadata_mmoles_per_liter", ["0.1", "1", None], True),
        ("Concentration", [1, 2, 3], True),
        ("conc", [1, 2, 3], True),
        ("Metadata_dose", ["low", "high", "1"], False),
        ("Metadata_dose", [1.0, 1.0, 1.0], False),
        ("Metadata_dose", [None, None, None], False),
        ("Metadata_concept", [1, 2, 3], False),
        ("plate", [1, 2, 3], False),
    ],
)
def test_the_column_of_doses_is_found_by_its_name_and_values(name: str, values: list[Any], found: bool) -> None:
    frame = pl.DataFrame({"drug": ["a", "a", "b"], name: values})
    assert dose_column(frame, ("drug", name)) == (name if found else "")
    assert dose_column(frame, (name,)) == ""


@pytest.mark.parametrize(
    ("written", "values", "unit"),
    [
        (["10.0 uM", "10 µM", "0.5μM", "500nM", "0"], [10, 10, 0.5, 0.5, 0], "µM"),
        (["0.5nM", "1 NM", "2.5e-3 uM"], [0.5, 1, 2.5], "nM"),
        (["1 umol/L", "2 uM", "0.001 mM"], [1, 2, 1], "µmol/L"),
        (["1 ug/ml", "2 µg/mL", "1 mg/l"], [1, 2, 1], "µg/ml"),
        (["1 %", "2%"], [1, 2], "%"),
        (["1", "0.5"], [1, 0.5], ""),
    ],
)
def test_doses_are_numbers_with_a_unit_of_one_kind(written: list[str], values: list[float], unit: str) -> None:
    found = read_doses(pl.Series(written))
    assert found.values is not None
    assert found.values.to_list() == values
    assert found.unit == unit


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (["low", "1 uM"], "'low' is no number"),
        (["0,5 uM"], "'0,5 uM' is no number"),
        (["1 uM", "2"], "some doses have a unit"),
        (["1 uM", "2 ug/ml"], "units are of several kinds"),
        (["1 uM", "2 x"], "the unit 'x' is not known beside others"),
    ],
)
def test_why_there_is_no_figure_of_doses_is_said(written: list[str], reason: str) -> None:
    frame = pl.DataFrame({"drug": "a", "dose": written})
    assert dose_column(frame, ("drug", "dose")) == ""
    (said,) = dose_notes(frame, ("drug", "dose"))
    assert said.startswith("No figure of mAP by dose: 'dose': ")
    assert reason in said


def test_doses_written_in_several_ways_are_said() -> None:
    frame = pl.DataFrame({"drug": "a", "dose": ["10 uM", "10000 nM", "1 uM"]})
    (said,) = dose_notes(frame, ("drug", "dose"))
    assert "1 dose is written in several ways in 'dose' ('10 uM', '10000 nM')" in said


def test_the_column_that_is_named_must_be_one() -> None:
    frame = pl.DataFrame({"drug": ["a", "a"], "level": [1, 2]})
    assert dose_column(frame, ("drug", "level")) == ""
    assert dose_column(frame, ("drug", "level"), "level") == "level"
    with pytest.raises(
        InputError, match="--dose 'drug' must hold numbers, with units of one kind or none, but 'a' is no number"
    ):
        dose_column(frame, ("drug", "level"), "drug")
    for by in (("drug",), ("level",)):
        with pytest.raises(InputError, match="--dose names 'level', but groups are made of"):
            dose_column(frame, by, "level")


def test_curves_go_from_the_lowest_dose_to_the_highest_and_the_most_significant_comes_first() -> None:
    curves = dose_curves(groups(), BY, BY[1])
    assert [one.name for one in curves] == ["c00", "c01", "c02"]
    assert all(one.dose.tolist() == [0.1, 1.0, 10.0] for one in curves)
    assert curves[1].precision == pytest.approx([0.29, 0.49, 0.69])
    assert curves[1].significant.tolist() == [False, True, True]
    assert curves[1].chance == pytest.approx(CHANCE)
    other = dose_curves(groups().with_columns(line=pl.lit("A549")), ("drug", BY[1], "line"), BY[1])
    assert other[0].name == "c00 | A549"
    unscored = groups().with_columns(mean_average_precision=float("nan"))
    assert dose_curves(unscored, BY, BY[1]) == []


def page_of(curves: list[Curve]) -> Any:
    with house_style():
        return dose_page(curves, BY[1], threshold=0.05, subtitle="exact p")


def test_a_panel_shows_the_doses_of_its_compound() -> None:
    page = page_of(dose_curves(groups(), BY, BY[1]))
    panels = [axes for axes in page.axes if axes.axison]
    assert [axes.get_title() for axes in panels] == ["c00", "c01", "c02"]
    chance, line, hollow, filled = panels[1].get_lines()
    assert chance.get_ydata()[0] == pytest.approx(CHANCE)
    np.testing.assert_allclose(line.get_xydata(), [[0.1, 0.29], [1, 0.49], [10, 0.69]])
    assert hollow.get_xdata().tolist() == [0.1]
    assert filled.get_xdata().tolist() == [1.0, 10.0]
    assert panels[0].get_xscale() == "log"
    assert [text.get_text() for text in panels[0].get_xticklabels()] == ["0.1", "1", "10"]
    low, high = panels[2].get_ylim()
    assert 0.1 < low < CHANCE
    assert 0.7 < high < 0.8
    assert panels[2].get_ylim() == panels[0].get_ylim()
    assert panels[0].get_xlabel() == "dose_uM"
    assert any("3 of 3 significant at one dose or more" in text.get_text() for text in page.texts)
    assert any("random ranking" in text.get_text() for text in page.legends[0].get_texts())


@pytest.mark.parametrize(
    ("doses", "scale", "ticks"),
    [
        ((1.0, 2.0, 4.0), "linear", ["1", "2", "4"]),
        ((0.0, 1.0, 100.0), "symlog", ["0", "1", "100"]),
        ((0.01, 0.03, 0.1, 0.3, 1.0), "log", ["0.01", "0.1", "1"]),
        ((3.0, 7.0, 20.0, 40.0, 2000.0), "log", ["10", "100", "1,000"]),
        ((1.0, 2.0, 3.0, 4.0, 5.0), "linear", ["1", "5"]),
        ((5.0,), "linear", ["5"]),
    ],
)
def test_the_axis_of_doses_fits_them(doses: tuple[float, ...], scale: str, ticks: list[str]) -> None:
    axes = page_of(dose_curves(groups(1, doses), BY, BY[1])).axes[0]
    assert axes.get_xscale() == scale
    assert [text.get_text() for text in axes.get_xticklabels()] == ticks
    low, high = axes.get_xlim()
    assert low < min(doses) <= max(doses) < high


def test_of_many_compounds_the_most_significant_are_drawn() -> None:
    curves = dose_curves(groups(27, (1.0, 2.0)), BY, BY[1])
    page = page_of(curves)
    assert sum(axes.axison for axes in page.axes) == 20
    assert page.axes[19].get_title() == curves[19].name
    assert any("27 in all" in text.get_text() for text in page.texts)


def test_map_draws_it_where_groups_have_doses(tmp_path: Path) -> None:
    def drawn(by: tuple[str, ...], **more: Any) -> set[str]:
        table = groups().with_columns(p_value=0.01, corrected_p_value=0.02)
        options = MapOptions(profiles=("a.csv",), pos_sameby=",".join(by), neg_diffby="drug", **more)
        result = MapResult(options, table, table, by, "exact p", None, (), (), ())  # type: ignore[arg-type]
        names: set[str] = set()

        def place(name: str) -> Path:
            names.add(name)
            return tmp_path / Path(name).name

        with no_drawing():
            result.draw(place)
        return names

    assert {"figures/doses.png", "figures/doses.svg", "figures/map.png"} <= drawn(BY)
    assert drawn(("drug",)) == {"figures/map.png", "figures/map.svg"}
    assert "figures/doses.png" in drawn(("drug", "mean_average_precision"), dose="mean_average_precision")
