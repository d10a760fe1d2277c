"""What counts as answered twice, missing and out of order."""

from bench.verdict import Answer, Question, judge


def asked(number: str, *, at: float, acknowledged: float | None, attempts: int = 1) -> Question:
    return Question(number, "ana", at, acknowledged, attempts)


def test_every_question_answered_once_in_order_is_good() -> None:
    questions = [asked(f"q1-{turn}", at=turn, acknowledged=turn + 0.5) for turn in range(3)]
    verdict = judge(questions, [Answer("ana", ("q1-0", "q1-1")), Answer("ana", ("q1-2",))])
    assert verdict.is_good
    assert (verdict.questions, verdict.answers, verdict.redelivered) == (3, 2, 0)


def test_what_is_answered_twice_or_never_is_told() -> None:
    questions = [asked(f"q1-{turn}", at=turn, acknowledged=turn + 0.5) for turn in range(3)]
    answers = [Answer("ana", ("q1-0",)), Answer("ana", ("q1-0", "q1-1")), Answer("ana", ())]
    verdict = judge(questions, answers)
    assert not verdict.is_good
    assert (verdict.twice, verdict.missing, verdict.numberless) == (["q1-0"], ["q1-2"], 1)


def test_a_later_question_that_is_answered_first_is_out_of_order() -> None:
    questions = [asked("q1-0", at=0, acknowledged=0.5), asked("q1-1", at=1, acknowledged=1.5)]
    verdict = judge(questions, [Answer("ana", ("q1-1",)), Answer("ana", ("q1-0",))])
    assert verdict.out_of_order == [("q1-0", "q1-1")]


def test_a_question_that_meta_delivered_late_may_be_answered_late() -> None:
    late = asked("q1-0", at=0, acknowledged=4, attempts=3)
    answers = [Answer("ana", ("q1-1",)), Answer("ana", ("q1-0",)), Answer("ana", ("q1-2",))]
    overtaking, after = asked("q1-1", at=1, acknowledged=1.5), asked("q1-2", at=5, acknowledged=6)
    assert judge([late, overtaking, after], answers).is_good
    assert not judge([late, after], [answers[2], answers[1]]).is_good


def test_people_do_not_wait_for_each_other() -> None:
    other = Question("q2-0", "ben", 0, 0.5, 1)
    mine = asked("q1-0", at=0, acknowledged=0.5)
    assert judge([mine, other], [Answer("ben", ("q2-0",)), Answer("ana", ("q1-0",))]).is_good
