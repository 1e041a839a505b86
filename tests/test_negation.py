import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.negation import contradicts

NO_PETS = "No pets are allowed without written consent of the landlord."
HOME = "Office staff may work from home. Staff of the press room may not."
FORBIDDEN = "Animals of any kind are forbidden."
SUBLET = "The tenant shall not, without the landlord's consent, sublet the flat."
CAR = (
    "A courtesy car is provided while yours is repaired, for up to 21 days; none is provided if "
    "the car is a total loss or has been stolen."
)
DISCOUNT = "One claim does not reduce it; a second takes it down to 4 years."
REFUNDS = "Refunds are made for tickets; none are made for vouchers."
WARRANTY = "The warranty does not apply if the seal is broken."
DISMISSAL = "The company may dismiss without notice for gross misconduct, such as theft."
APART = "Apart from the roof, our workmanship is guaranteed for two years from completion."
LOOSENED = "Direct cause: the lid was loosened while there was pressure in the receiver."
DOSE = "Do not take the full dose if your kidneys are weak; take half a dose."
INTEREST = "Interest is not charged if rent is paid on time. If it is late, interest is charged."
DIVIDENDS = "The company did not pay dividends in 2017 and paid $5 a share in 2018."


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("Yes, pets are allowed without written consent of the landlord.", NO_PETS),
        ("Pets are allowed.", "Pets are not allowed."),
        ("The roof is guaranteed for two years.", APART),
        ("The shop is open on Sunday.", "The shop is open daily except Sunday."),
        ("Managers get overtime.", "All staff, with the exception of managers, get overtime."),
        ("The manual allows the lid to be loosened under pressure.", LOOSENED),
        ("Loosening the lid under pressure is permitted.", LOOSENED),
        ("The company may dismiss with notice for gross misconduct.", DISMISSAL),
        ("You may not enter for inspection.", "They may enter without notice for inspection."),
        ("Pets aren't allowed.", "Pets are allowed."),
        ("You cannot keep a dog.", "The tenant may keep one dog or two cats."),
        ("Animals of any kind are allowed.", FORBIDDEN),
        ("Animals are not forbidden.", FORBIDDEN),
        ("The tenant may sublet the flat without the landlord's consent.", SUBLET),
        ("Yes, he smokes.", "He has given up smoking since March."),
        ("Yes, press room staff can work from home.", HOME),
        ("He still smokes.", "He stopped smoking in March."),
        ("There is a charge for transfers.", "Transfers are free of charge."),
        ("Net sales increased by 5 %.", "Net sales decreased by 5 % to $90 million."),
        ("The price includes heating.", "Heating is excluded from the price."),
        ("The brakes failed to stop the car.", "The brakes stopped the car."),
        ("Refunds are not made for tickets.", REFUNDS),
        ("A fee is charged for this service.", "For this no fee is charged."),
        ("Yes, you get a courtesy car if your car is stolen.", CAR),
        ("After one claim, your no claim discount is reduced to 4 years.", DISCOUNT),
        (
            "Yes, smoking is allowed in the flat.",
            f"The tenants may not smoke in the flat. {NO_PETS}",
        ),
    ],
)
def test_the_opposite_of_the_source_is_seen(said: str, source: str) -> None:
    assert contradicts(said, source)


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("Pets are allowed only with written consent of the landlord.", NO_PETS),
        ("Pets are not allowed without written consent.", NO_PETS),
        ("The workmanship is guaranteed for two years.", APART),
        ("Apart from the roof, the work is guaranteed for two years.", APART),
        ("The shop is open daily except Sunday.", "The shop is open daily except Sunday."),
        ("The policy allows five days to be carried over.", "You may carry over five days."),
        ("The contract allows 20 days of leave.", "You are entitled to 20 days of leave."),
        ("The lid was loosened under pressure.", LOOSENED),
        ("Gross misconduct includes theft.", DISMISSAL),
        (
            "They can walk away for no reason after the second anniversary.",
            "After the second anniversary the Buyer may terminate without cause.",
        ),
        ("The company may dismiss for gross misconduct.", DISMISSAL),
        ("The landlord does not allow pets without consent.", NO_PETS),
        ("Animals are not allowed.", FORBIDDEN),
        ("The agreement prohibits the keeping of animals.", FORBIDDEN),
        ("The tenant may not keep animals of any kind.", FORBIDDEN),
        ("The tenant may not sublet the flat without the landlord's consent.", SUBLET),
        ("Subletting is forbidden.", "The tenant may not sublet."),
        ("The company paid $5 a share in 2018.", DIVIDENDS),
        ("The company did not pay dividends in 2017.", DIVIDENDS),
        ("Notice is not less than a month.", "Notice of a month or more is given."),
        ("Office staff may work from home.", HOME),
        ("Staff of the press room may not.", HOME),
        ("You get a courtesy car if yours is repaired.", CAR),
        ("You get no courtesy car if yours is stolen.", CAR),
        ("A second claim takes your no claim discount down to 4 years.", DISCOUNT),
        ("The fee is waived if you cancel early.", "The fee is not charged if you cancel early."),
        ("The fee is £0 if you cancel early.", "The fee is not charged if you cancel early."),
        ("Interest is charged if rent is paid late.", INTEREST),
        ("The warranty is void if the seal is broken.", WARRANTY),
        ("Take half a dose if your kidneys are weak.", DOSE),
        ("The people left when Calais fell.", "No man was hurt when Calais fell; the people left."),
        ("The tenant pays.", "If the tenant does not, the landlord pays."),
        ("He no longer smokes.", "He has given up smoking."),
        ("The work may last ten days.", "The work may last no longer than ten days."),
        ("The work was stopped.", "They stopped the work in March."),
        ("Net sales rose by 5 %.", "Net sales grew by 5 %."),
        ("Cash rose by 5.", "Increase (decrease) in cash 5 (3)"),
        ("It is not only a mill, it is a house.", "The mill is a house."),
    ],
)
def test_the_same_in_other_words_is_no_contradiction(said: str, source: str) -> None:
    assert not contradicts(said, source)


WORDS = "no not isn't without pets allowed forbidden , . and dog to failed can't".split()


@given(st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_nothing_contradicts_itself(text: str) -> None:
    assert not contradicts(text, text)
