"""As much of Gradio as the page uses: components that hold what they show, and call what is wired.

It is imported in Gradio's place, so that the page's wiring can be tested without a server.
"""

from types import ModuleType, SimpleNamespace


def update(**changes):
    """Return a change of a component, as Gradio does: a dictionary that is marked as one."""
    return {"__type__": "update", **changes}


class Wired(list):
    """What an event calls, one after the other: functions, inputs, outputs and settings."""

    def then(self, function, inputs, outputs, **settings):
        """Add what is called after that, with what its inputs hold by then."""
        if outputs is not None and not isinstance(outputs, list):
            outputs = [outputs]
        if inputs is not None and not isinstance(inputs, list):
            inputs = [inputs]
        self.append((function, inputs or [], outputs or [], settings))
        return self


class Part:
    """A component or a box of them; what it shows is its settings, ``value`` the chief of them."""

    first = "value"  # what the first argument without a name is

    def __init__(self, *given, **settings):
        self.shown = {**dict(zip([self.first], given, strict=False)), **settings}
        self.wired = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def __getattr__(self, event):
        if event not in ("click", "select", "input", "change", "load"):
            raise AttributeError(event)

        return self.wired.setdefault(event, Wired()).then

    @property
    def value(self):
        return self.shown.get("value")

    def fire(self, event, *told):
        """Do what Gradio does on an event; return the components that it went to."""
        reached = []
        for function, inputs, outputs, _ in self.wired[event]:
            if function is None:  # the browser's part
                continue
            answers = function(*(part.value for part in inputs), *told)
            answers = answers if isinstance(answers, list) else [answers]
            for part, answer in zip(outputs, answers, strict=True):
                changed = isinstance(answer, dict) and answer.get("__type__") == "update"
                part.shown |= answer if changed else {"value": answer}
            reached += outputs
        return reached


class Choice(Part):
    first = "choices"


class Blocks(Part):
    """The page; it notes with what it is served, and whether it was closed."""

    served = None
    closed = False

    def launch(self, **settings):
        self.served = settings

    def close(self, verbose=True):
        self.closed = True


def small_gradio():
    """Return the module, and by ``elem_id`` the components that will be made of it."""
    parts = {}

    def making(kind):
        def make(*given, **settings):
            part = kind(*given, **settings)
            parts[settings.get("elem_id", f"part {len(parts)}")] = part
            return part

        return make

    module = ModuleType("gradio")
    for name in ("Row", "Column", "State", "HTML", "File", "Button", "DownloadButton"):
        setattr(module, name, making(Part))
    module.Dataframe = module.Audio = making(Part)
    module.Radio = module.Dropdown = making(Choice)
    module.Blocks = Blocks
    module.update, module.skip = update, update
    module.themes = SimpleNamespace(Base=lambda **settings: settings)
    return module, parts
