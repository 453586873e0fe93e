"""What is said: short Korean lines per emotion, and many that any emotion can say.

A line is a template with slots for a topic ``{t}`` and a degree word ``{d}``. Each session gets
its own part of the templates, topics and degree words, so that whole lines seldom repeat between
sessions while the words that carry emotion do.
"""

from __future__ import annotations

import numpy as np

from graph_er.schema.emotions import KEMDY_EMOTIONS

_AMBIGUOUS_SHARE = 0.55  # lines that say nothing on the emotion
_BORROWED_SHARE = 0.10  # of the others: lines from another emotion's pool
_SESSION_PART = 0.5  # of each pool that one session uses

_TOPICS = (
    *("회의", "여행", "시험", "이사", "전화", "약속", "저녁", "선물", "학교", "병원", "면접"),
    *("영화", "사진", "편지", "숙제", "생일", "발표", "공연", "축구", "가방", "요리", "청소"),
    *("버스", "기차", "결혼식", "강아지", "택배", "컴퓨터", "운동", "노래", "날씨", "월급"),
)
_DEGREES = (
    *("정말", "진짜", "너무", "완전", "참", "되게"),
    *("꽤", "아주", "무척", "엄청", "제법", "워낙"),
)

_AMBIGUOUS = (
    "응, {t} 말이야.",
    "진짜? {t}?",
    "왜? 무슨 일인데?",
    "{t} 얘기 들었어.",
    "뭐라고 했어?",
    "{t} 어떻게 됐어?",
    "그래서 갔어?",
    "{t} 누구한테 들었어?",
    "내가 그랬잖아.",
    "그 사람이 왔어.",
    "그렇게 됐어.",
    "{t} 때문에 그래?",
    "여기 좀 봐.",
    "그러니까 말이야.",
    "아니, 지금 말고.",
    "나도 봤어.",
    "알았어, 알았어.",
    "{t} 생각하고 있었어.",
    "잠깐만 있어 봐.",
    "{t} 또 한대.",
    "너는 어떤데?",
    "그게 {t}였어?",
    "{t} 벌써 끝났어.",
    "정말 그렇대?",
    "맞아, 그랬지.",
    "이제 어떡할 거야?",
    "몰라, 그건.",
    "{t} 보러 갈 거야?",
    "말 좀 해 봐.",
    "{t} 다시 한대?",
)

_EMOTIONAL = {
    "neutral": (
        "{t} 시간은 세 시야.",
        "{t} 일정 확인했어.",
        "내일 {t} 준비하면 돼.",
        "{t} 자료는 책상에 있어.",
        "다음 주에 {t} 예정이야.",
        "{t} 장소는 이 층이야.",
        "{t} 비용은 보통이야.",
        "오늘 {t} 순서대로 할게.",
        "{t} 내용 정리해 둘게.",
        "평소처럼 {t} 하면 돼.",
        "{t} 신청은 월요일까지야.",
        "{t} 일정은 그대로야.",
        "오후에 {t} 시간 있어.",
        "{t} 준비 자료 확인할게.",
    ),
    "angry": (
        "{t} 때문에 {d} 화가 나.",
        "{d} 짜증 나, 그만해.",
        "왜 나한테 화를 내?",
        "{t} 핑계 그만 좀 대.",
        "{d} 열받네, {t}.",
        "지금 장난하는 거야?",
        "약속을 또 어겼잖아, {d}.",
        "내 {t} 왜 건드려!",
        "{d} 못 참겠어, 그만해.",
        "당장 사과해, {t} 일.",
        "왜 자꾸 거짓말해!",
        "{t} 책임져, 당장.",
        "{d} 짜증 나는 {t}네.",
        "나 무시하지 마, 화나니까.",
    ),
    "happy": (
        "{t} 덕분에 {d} 행복해.",
        "{d} 신난다, {t} 가자!",
        "우리 {t} 합격했어, 최고야!",
        "{d} 기뻐, 고마워.",
        "{t} {d} 재밌었어.",
        "와, {t} 최고야!",
        "{d} 좋다, 같이 웃자.",
        "{t} 선물 고마워, 좋다.",
        "오늘 {d} 즐거웠어.",
        "{t} 성공이야, 축하해!",
        "{d} 사랑스러운 {t}네.",
        "하하, {t} 재밌다.",
        "{d} 설레고 신나.",
        "축하해, {d} 기쁘다!",
    ),
    "surprise": (
        "헉, {t} {d} 깜짝이야!",
        "세상에, {t} 맞아?",
        "{d} 놀랐어, 세상에!",
        "어머, {t} 언제 왔어?",
        "{t} 진짜라고? 말도 안 돼!",
        "우와, {t} 믿기지 않아!",
        "{d} 뜻밖이야, {t}.",
        "깜짝 놀랐잖아, {t}!",
        "어머, 이게 {t}야?",
        "상상도 못 했어, {t}!",
        "헉, {d} 갑자기?",
        "세상에, {d} 신기해!",
        "말도 안 돼, {d} 놀라워!",
        "우와, 갑자기 {t}라니!",
    ),
    "sad": (
        "{t} 생각하면 {d} 슬퍼.",
        "{d} 눈물이 나.",
        "이제 {t} 못 봐, 슬퍼.",
        "{d} 외로워, 혼자라서.",
        "{t} 떠나서 {d} 허전해.",
        "{d} 우울해, 아무것도 못 해.",
        "혼자 {t} 보면서 울었어.",
        "{t} 그리워, 보고 싶어.",
        "마음이 {d} 아파.",
        "{d} 속상해, {t} 잃어서.",
        "{t} 떨어져서 울었어.",
        "보고 싶어, {d} 그리워.",
        "{d} 힘들어서 눈물만 나.",
        "{t} 없으니 마음이 허전해.",
    ),
    "fear": (
        "{t} {d} 무서워.",
        "{d} 떨려, 어쩌지.",
        "{t} 잘못되면 어쩌지?",
        "뒤에 누가 있어, 무서워.",
        "{d} 불안해, {t}.",
        "{t} 소리 들었어? 무서워.",
        "도망가자, {d} 위험해.",
        "{t} 생각에 손이 떨려.",
        "{d} 겁나, 가지 마.",
        "살려 줘, 누가 쫓아와.",
        "{t} 앞에서 {d} 겁났어.",
        "불 켜 줘, 불안해.",
        "{d} 위험해, 가지 마!",
        "{t} 때문에 심장이 떨려.",
    ),
    "disgust": (
        "{t} {d} 더러워.",
        "{d} 역겨워, 치워.",
        "으, {t} 냄새나.",
        "{d} 징그러워, 저리 가.",
        "{t} 보기만 해도 토할 것 같아.",
        "{d} 지저분해, {t}.",
        "으, {d} 비위 상해.",
        "{t} 썩은 냄새나.",
        "{d} 꼴 보기 싫어, 저리 가.",
        "{t} 벌레 나왔어, 징그러워.",
        "{d} 구역질 나, 치워.",
        "으, {t} 토할 것 같아.",
        "{d} 혐오스러운 {t}네.",
        "{t} 더러워, 만지기 싫어.",
    ),
}


class SessionLines:
    """The part of all lines that one session uses."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Choose the session's templates, topics and degree words."""
        self._topics = _part(_TOPICS, rng)
        self._degrees = _part(_DEGREES, rng)
        self._ambiguous = _part(_AMBIGUOUS, rng)
        self._emotional = {emotion: _part(_EMOTIONAL[emotion], rng) for emotion in KEMDY_EMOTIONS}

    def draw(self, emotion: str, rng: np.random.Generator) -> str:
        """Draw what somebody with this emotion says."""
        if rng.random() < _AMBIGUOUS_SHARE:
            template = _choose(self._ambiguous, rng)
        else:
            others = [name for name in KEMDY_EMOTIONS if name != emotion]
            pool = _choose(others, rng) if rng.random() < _BORROWED_SHARE else emotion
            template = _choose(self._emotional[pool], rng)
        topic, degree = _choose(self._topics, rng), _choose(self._degrees, rng)
        return template.format(t=topic, d=degree)


def _part(pool: tuple[str, ...], rng: np.random.Generator) -> list[str]:
    chosen = rng.permutation(len(pool))[: round(_SESSION_PART * len(pool))]
    return [pool[index] for index in sorted(chosen)]


def _choose(pool: list[str], rng: np.random.Generator) -> str:
    return pool[int(rng.integers(len(pool)))]
