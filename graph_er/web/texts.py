"""What the page says, in Korean and in English."""

from __future__ import annotations

from graph_er.display.words import WORDS

LANGUAGES = {"한국어": "ko", "English": "en"}

TEXTS: dict[str, dict[str, str]] = {
    "ko": {
        **WORDS["ko"],
        "title": "대화 감정 인식",
        "about": "모든 계산은 이 컴퓨터 안에서만 이루어지며, 올린 파일은 탭을 닫으면 늦어도 하루 "
        "안에, 프로그램을 끄면 바로 지워집니다. 결과는 모델의 추정일 뿐 사람에 대한 사실이 "
        "아닙니다.",
        "language": "언어 / Language",
        "upload": "대화 올리기",
        "upload_help": "표(CSV·TSV·JSONL: speaker와 wav 또는 text)와 음성, 전체를 담은 ZIP, 또는 "
        "긴 녹음 하나와 발화 시각 파일(RTTM·TextGrid·CSV: speaker, start, end). 최대 200 MB, "
        "2,000발화.",
        "predict": "감정 예측",
        "demo": "데모 대화",
        "demo_help": "합성 음성으로 만든 예시입니다.",
        "open_demo": "데모 열기",
        "example": "예시 통화",
        "timeline": "타임라인",
        "timeline_help": "색이 옅을수록 확신도가 낮습니다. 발화를 누르면 아래에 자세히 나옵니다.",
        "turn": "선택한 발화",
        "audio": "듣기",
        "no_audio": "이 발화에는 음성이 없습니다.",
        "unplayable": "이 발화의 음성은 재생할 수 없습니다.",
        "why": "예측 이유",
        "why_help": "막대는 그 정보를 빼면 예측 확률이 몇 %p 줄어드는지를 나타냅니다. "
        "오른쪽은 예측을 뒷받침하고, 왼쪽은 반대합니다.",
        "no_reasons": "예측 이유를 계산할 수 없습니다. 자세한 내용은 영어로 표시됩니다.",
        "this_turn": "이 발화",
        "all_of_it": "이 발화 전체",
        "conversation": "대화",
        "all_turns": "다른 모든 발화",
        "far_turn": "먼 발화 1개",
        "far_turns": "먼 발화 {count}개",
        "strongest": "가장 영향이 큰 다른 발화",
        "of": "모든 발화의",
        "own": "이 발화의",
        "else": "없으면",
        "csv": "결과 CSV 받기",
        "html": "웹 페이지 받기",
        "one_speaker": "1명",
        "speakers": "{count}명",
        "done": "{speakers}이 말한 {turns}를 예측했습니다.",
        "no_file": "파일을 먼저 올려 주세요.",
        "refused": "대화를 읽을 수 없습니다. 자세한 내용은 영어로 표시됩니다.",
        "gone": "이 대화의 결과는 이미 지워졌습니다. 다시 예측해 주세요.",
        "failed": "예상하지 못한 오류가 났습니다. 터미널에 자세한 내용이 있습니다.",
        "number": "번호",
    },
    "en": {
        **WORDS["en"],
        "title": "Emotions in a conversation",
        "about": "Everything is computed on this machine; what you send is removed within a day of "
        "closing the tab, and at once when the program is stopped. What comes out is a model's "
        "guess, not a fact about a person.",
        "language": "언어 / Language",
        "upload": "Your conversation",
        "upload_help": "A table (CSV, TSV, JSONL: speaker, and wav or text) with its audio; a ZIP "
        "of all that; or one long recording with turn times (RTTM, TextGrid, CSV: speaker, start, "
        "end). At most 200 MB and 2,000 turns.",
        "predict": "Predict emotions",
        "demo": "A demo dialogue",
        "demo_help": "Examples in synthetic voices.",
        "open_demo": "Open the demo",
        "example": "Example call",
        "timeline": "Timeline",
        "timeline_help": "The paler, the less sure. Choose a turn to see more of it below.",
        "turn": "Chosen turn",
        "audio": "Listen",
        "no_audio": "This turn has no audio.",
        "unplayable": "The audio of this turn cannot be played.",
        "why": "Why this prediction",
        "why_help": "Bars are percentage points of the prediction that are lost without it: to the "
        "right what supports it, to the left what speaks against it.",
        "no_reasons": "The reasons cannot be computed.",
        "this_turn": "This turn",
        "all_of_it": "all of it",
        "conversation": "The conversation",
        "all_turns": "all other turns",
        "far_turn": "the 1 turn furthest away",
        "far_turns": "the {count} turns furthest away",
        "strongest": "Other turns that move it most",
        "of": "all",
        "own": "its",
        "else": "else",
        "csv": "Download CSV",
        "html": "Download web page",
        "one_speaker": "1 speaker",
        "speakers": "{count} speakers",
        "done": "{turns} of {speakers} predicted.",
        "no_file": "Choose a file first.",
        "refused": "This cannot be read",
        "gone": "This conversation has been removed; predict it again.",
        "failed": "Something unexpected went wrong; the terminal tells more.",
        "number": "No.",
    },
}
