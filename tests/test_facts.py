import pytest

from rag.facts import Facts, read, speaks_of, times


def names(text: str) -> list[str]:
    return [name.stem for name in read(text).names]


@pytest.mark.parametrize(
    "text",
    ["June 19, 2009", "19 June 2009", "the 19th of June 2009", "Jun. 19, 2009", "2009-06-19"],
)
def test_a_date_is_the_same_in_every_order(text: str) -> None:
    found = read(text)
    assert (found.days, found.years) == ((frozenset({(6, 19)}),), frozenset({2009}))


def test_a_date_in_figures_keeps_both_readings() -> None:
    assert read("06/07/2009").days == (frozenset({(6, 7), (7, 6)}),)
    assert read("19.06.2009").days == (frozenset({(6, 19)}),)


def test_may_and_march_are_months_only_beside_a_number() -> None:
    assert read("It may rain; they march on. March on!").months == frozenset()
    assert read("in May 2018 and on 3 March").months == {5, 3}


@pytest.mark.parametrize(
    "forms",
    [
        ("decreased", "decreases", "decreasing", "decrease"),
        ("study", "studies", "studied"),
        ("located", "location", "locate"),
        ("managers", "management", "managed"),
        ("port's", "ports", "port’s"),
        ("MSU", "MSUs", "MSU's"),
    ],
)
def test_inflections_of_a_word_share_a_stem(forms: tuple[str, ...]) -> None:
    assert len({read(form).stems for form in forms}) == 1


def test_words_without_a_fact_are_left_out() -> None:
    assert read("According to the documents, it was so.").stems == frozenset()
    assert not read("It was.")


def test_names_and_codes_are_found_wherever_they_stand() -> None:
    assert names("Then the U.S. firm 3M and NVIDIA met Rollo's crew in Q3") == [
        "us",
        "3m",
        "nvidia",
        "rollo",
        "q3",
    ]


def test_a_time_of_day_is_one_thing_and_not_two_numbers() -> None:
    assert (read("at 3:04").numbers, names("at 3:04")) == ((), ["3:04"])


@pytest.mark.parametrize(
    ("text", "stem", "coined"),
    [
        ("14:15", "14:15", "2:15"),
        ("2:15 pm", "14:15", "2:15"),
        ("2.15 P.M.", "14:15", "2:15"),
        ("12 pm", "12:00", "12:00am"),
        ("9am", "9:00am", "9:00"),
        ("09:00", "9:00", "9:00am"),
        ("12.30 am", ":30am", ":30"),
        ("00:30", ":30", ":30am"),
    ],
)
def test_a_time_of_day_is_the_same_with_and_without_its_half(
    text: str, stem: str, coined: str
) -> None:
    known = read(f"It starts at {text} sharp.")
    assert stem in known.stems
    assert coined in known.coined
    assert not known.numbers


@pytest.mark.parametrize("text", ["10 ampere", "3 pmol", "100 pm"])
def test_what_only_looks_like_a_time_of_day_is_none(text: str) -> None:
    known = read(f"It takes {text} of it.")
    assert not times(known.stems | known.coined)


def test_a_long_name_also_counts_by_its_initials() -> None:
    assert "gsc" in read("the Geological Survey of Canada").coined


def test_fy_and_kinds_of_filings_are_no_names() -> None:
    read_so = read("as sales of FY 2015, FY2014 and FY13 were in the last 10-Qs")

    assert (read_so.names, sorted(read_so.years)) == ((), [2013, 2014, 2015])


def test_a_word_without_end_hides_none_that_a_hyphen_cuts_in_two() -> None:
    assert read(f"{'a' * 1_000_000} com-plexities").coined == read("complexities").stems


def test_a_quarter_is_known_by_word_and_by_code() -> None:
    assert "q3" in read("in the third quarter").coined
    assert [part.digits for part in read("Q3 2023").parts] == [3]


def test_soft_hyphens_ligatures_and_line_breaks_do_not_hide_words() -> None:
    assert read("com\ufffe\nplexities").stems == read("complexities").stems
    assert read("the ﬁnal oﬃce").stems == read("the final office").stems
    assert read("com-\nplexities").coined == read("complexities").stems
    assert read("com-plexities").coined == read("complexities").stems


@pytest.mark.parametrize(("typed", "printed"), [("Herve", "Hervé"), ("Zurich", "Zürich")])
def test_a_name_is_the_same_without_its_accents(typed: str, printed: str) -> None:
    assert read(f"the mill of {typed}").stems == read(f"the mill of {printed}").stems


@pytest.mark.parametrize(
    ("form", "other"),
    [
        ("seen", "see"),
        ("wrote", "written"),
        ("paid", "pays"),
        ("asked", "ask"),
        ("children", "child"),
        ("invasion", "invaded"),
        ("weight", "weighs"),
        ("deaths", "died"),
        ("starting", "began"),
        ("cancelled", "cancel"),
        ("installed", "install"),
        ("payment", "paid"),
        ("making", "made"),
        ("taking", "take"),
        ("running", "ran"),
        ("goes", "going"),
        ("met", "meeting"),
    ],
)
def test_forms_of_a_word_have_one_stem(form: str, other: str) -> None:
    assert read(form).stems == read(other).stems


@pytest.mark.parametrize("text", ["in 2024/25", "in 2024/2025", "in 2024-25", "in 2024–25"])
def test_a_year_that_ends_in_the_next_is_one_year(text: str) -> None:
    assert read(text).years == {2024}
    assert [number.value for number in read(text).numbers] == [2024]


def test_other_years_with_a_stroke_between_them_are_two_numbers() -> None:
    assert read("2019-2020").years == {2019, 2020}
    assert [number.value for number in read("in 1914-18").numbers] == [1914, 18]
    assert read("2024-10-09").days == (frozenset({(10, 9)}),)


def test_a_soft_hyphen_between_figures_keeps_them_apart() -> None:
    assert read("in 2019\u00ad2020").years == {2019, 2020}


def test_scripts_without_spaces_are_read_by_pairs() -> None:
    assert read("港口很大").stems == {"港口", "口很", "很大"}


def test_a_name_is_only_spoken_of_with_its_capital_and_whole() -> None:
    assert speaks_of("So said Apple’s board.", "appl")
    assert not speaks_of("It applies to any apple.", "appl")


def test_nothing_is_read_from_nothing() -> None:
    assert read(" \n") == Facts()
