"""Words of what is shown, by language, and the Korean names of emotions, modalities and marks."""

from __future__ import annotations

from collections.abc import Mapping

# Names in braces are filled in where the words are used.
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "page_title": "Emotions in {title}",
        "one_turn": "1 turn",
        "turns": "{count} turns",
        "page_about": "{turns}, predicted from {read} in the light of the turns around them. "
        "The paler a turn, the less sure the model is. A model's guess, not a fact about a person.",
        "and": " and ",
        "strip": "timeline, part {part} of {parts}",
        "turns_as_table": "The turns as a table",
        "turn_number": "Turn",
        "time": "Time",
        "speaker": "Speaker",
        "text": "Text",
        "emotion": "Emotion",
        "confidence": "Confidence",
        "marks": "Marks",
        "no_text": "(no text)",
        "percent": " %",
        "pale": "pale: little confidence",
    },
    "ko": {
        "page_title": "{title}: 대화 감정 인식",
        "one_turn": "발화 1개",
        "turns": "발화 {count}개",
        "page_about": "{turns}의 감정을 앞뒤 발화까지 살펴 {read}에서 예측했습니다. 색이 "
        "옅을수록 확신도가 낮습니다. 결과는 모델의 추정일 뿐 사람에 대한 사실이 아닙니다.",
        "and": "과 ",  # 음성과 텍스트: modalities stand in one order
        "strip": "타임라인 {parts}개 중 {part}번째",
        "turns_as_table": "발화 표",
        "turn_number": "번호",
        "time": "시각",
        "speaker": "화자",
        "text": "내용",
        "emotion": "감정",
        "confidence": "확신도",
        "marks": "비고",
        "no_text": "(텍스트 없음)",
        "percent": "%",
        "pale": "옅은 색: 낮은 확신도",
    },
}

_NAMES = {
    "neutral": "중립",
    "angry": "분노",
    "happy": "기쁨",
    "surprise": "놀람",
    "sad": "슬픔",
    "fear": "공포",
    "disgust": "혐오",
    "excited": "흥분",
    "frustrated": "좌절",
    "sadness": "슬픔",
    "joy": "기쁨",
    "anger": "분노",
    "joyful": "기쁨",
    "mad": "분노",
    "peaceful": "평온",
    "powerful": "당당함",
    "scared": "두려움",
    "audio": "음성",
    "speech": "음성",
    "text": "텍스트",
    "visual": "영상",
    "no audio": "음성 없음",
    "no text": "텍스트 없음",
    "no visual": "영상 없음",
    "text by speech recognition": "음성 인식 텍스트",
    "silent audio": "무음",
}


def word(name: str, language: str) -> str:
    """Return the name of an emotion, modality or mark; unknown ones stay as they are."""
    return _NAMES.get(name, name) if language == "ko" else name


def number_of(words: Mapping[str, str], one: str, several: str, count: int) -> str:
    """Return a number with its noun, as the words of a language have it.

    Args:
        words: of the language, as `WORDS` has them.
        one: key of what is said of one.
        several: key of what is said of more or none.
        count: the number.
    """
    return words[one] if count == 1 else words[several].format(count=count)


def percent(share: float, language: str) -> str:
    """Return a share from 0 to 1 in whole percent."""
    return f"{100 * share:.0f}{WORDS[language]['percent']}"
