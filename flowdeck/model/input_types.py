"""Types of inputs and of flow outputs (spec: workflow components §3.1, §3.3, §14)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from flowdeck.model.declare import Declared, Expr, field

INPUT_ID_PATTERN = "^[a-zA-Z0-9][.a-zA-Z0-9_-]*"

ElementType = Literal[
    "STRING",
    "ENUM",
    "SELECT",
    "INT",
    "FLOAT",
    "BOOLEAN",
    "BOOL",
    "DATETIME",
    "DATE",
    "TIME",
    "DURATION",
    "FILE",
    "JSON",
    "URI",
    "SECRET",
    "YAML",
    "EMAIL",
    "ARRAY",
    "MULTISELECT",
]


class DependsOn(Declared):
    """When an input is asked for."""

    inputs: list[str] = field(doc="Ids of the inputs that `condition` and `expression` may read.")
    condition: str | None = field(default=None, dynamic=True, doc="The input exists only when this renders to true.")


class InputBase(Declared, kind="input", shared=True):
    """A typed parameter of a flow."""

    id: str = field(pattern=INPUT_ID_PATTERN, aliases=("name",), doc="Name under `inputs`; dots nest.")
    type: str = field(doc="Type of the value.")
    required: bool = field(default=True, doc="Whether an execution needs a value.")
    defaults: Any = field(default=None, dynamic=True, doc="Value when none is given.")
    prefill: Any = field(default=None, dynamic=True, doc="First content of the form, nothing else.")
    display_name: str | None = field(default=None, max_length=256, doc="Label in forms.")
    description: str | None = field(default=None, doc="Markdown shown beside the input.")
    depends_on: DependsOn | None = field(default=None, doc="Inputs on which this one depends.")


class _Textual(InputBase):
    """What inputs have whose values are texts: defaults keep the text as written."""

    defaults: Expr[str] | None = field(default=None, doc="Value when none is given.")
    prefill: Expr[str] | None = field(default=None, doc="First content of the form, nothing else.")


class StringInput(_Textual, type="STRING"):
    """Text."""

    validator: str | None = field(default=None, doc="Regular expression that the whole text must match.")


class IntInput(InputBase, type="INT"):
    """A whole number of 32 bits."""

    min: int | None = field(default=None, doc="Smallest value.")
    max: int | None = field(default=None, doc="Largest value.")


class FloatInput(InputBase, type="FLOAT"):
    """A decimal number."""

    min: float | None = field(default=None, doc="Smallest value.")
    max: float | None = field(default=None, doc="Largest value.")


class BooleanInput(InputBase, type="BOOLEAN"):
    """True, false or not given."""


class BoolInput(InputBase, type="BOOL"):
    """True or false, shown as a switch."""


class _Choice(InputBase):
    """What inputs with a list of values share."""

    values: list[str] | None = field(default=None, doc="Values to choose from.")
    expression: str | None = field(default=None, dynamic=True, doc="Expression that renders to the list of values.")
    allow_custom_value: bool = field(default=False, doc="Accept values that are not in the list.")
    auto_select_first: bool = field(default=False, doc="The first value is the default.")


class SelectInput(_Choice, type="SELECT"):
    """One of several values."""

    defaults: Expr[str] | None = field(default=None, doc="Value when none is given.")
    prefill: Expr[str] | None = field(default=None, doc="First content of the form, nothing else.")
    is_radio: bool = field(default=False, doc="Show radio buttons.")


class MultiselectInput(_Choice, type="MULTISELECT"):
    """Any of several values."""

    item_type: ElementType = field(default="STRING", doc="Type of the values.")
    options: list[str] | None = field(default=None, deprecated="Use values.", doc="Values to choose from.")


class EnumInput(_Textual, type="ENUM", deprecated="Use SELECT."):
    """One of several values."""

    values: list[str] = field(doc="Values to choose from.")


class ArrayInput(InputBase, type="ARRAY"):
    """A list of values of one type."""

    item_type: ElementType = field(doc="Type of the elements.")


class _Moment(_Textual):
    """What dates and times share."""

    after: Expr[str] | None = field(default=None, doc="Earliest value.")
    before: Expr[str] | None = field(default=None, doc="Latest value.")


class DatetimeInput(_Moment, type="DATETIME"):
    """An instant, `2042-04-02T04:20:42.000Z`."""


class DateInput(_Moment, type="DATE"):
    """A calendar date, `2042-12-03`."""


class TimeInput(_Moment, type="TIME"):
    """A time of day, `10:15` or `10:15:30`."""


class DurationInput(_Textual, type="DURATION"):
    """A span, `PT30M`."""

    min: timedelta | None = field(default=None, doc="Shortest span.")
    max: timedelta | None = field(default=None, doc="Longest span.")


class JsonInput(InputBase, type="JSON"):
    """Any JSON value."""


class YamlInput(InputBase, type="YAML"):
    """Any YAML value."""


class FileInput(_Textual, type="FILE"):
    """A file in internal storage."""

    allowed_file_extensions: list[str] | None = field(
        default=None, aliases=("accept",), doc="Extensions that are accepted, such as `.csv`."
    )
    extension: str | None = field(default=None, deprecated="Use allowedFileExtensions.", doc="Suffix of the file.")


class UriInput(_Textual, type="URI", aliases=("URL",)):
    """An address with scheme and host."""


class SecretInput(_Textual, type="SECRET"):
    """Text that is stored encrypted and masked everywhere."""

    validator: str | None = field(default=None, doc="Regular expression that the whole text must match.")


class EmailInput(_Textual, type="EMAIL"):
    """An email address."""


INPUT_TYPES = (
    StringInput,
    IntInput,
    FloatInput,
    BooleanInput,
    BoolInput,
    SelectInput,
    MultiselectInput,
    EnumInput,
    ArrayInput,
    DatetimeInput,
    DateInput,
    TimeInput,
    DurationInput,
    JsonInput,
    YamlInput,
    FileInput,
    UriInput,
    SecretInput,
    EmailInput,
)


class FlowOutput(Declared):
    """A typed result of a flow."""

    id: str = field(pattern=INPUT_ID_PATTERN, doc="Name of the output.")
    type: Literal[
        "STRING",
        "ENUM",
        "SELECT",
        "INT",
        "FLOAT",
        "BOOLEAN",
        "BOOL",
        "DATETIME",
        "DATE",
        "TIME",
        "DURATION",
        "FILE",
        "JSON",
        "URI",
        "SECRET",
        "ARRAY",
        "MULTISELECT",
        "YAML",
        "EMAIL",
    ] = field(doc="Type of the value.")
    value: Expr[Any] = field(doc="Expression of the value.")
    required: bool = field(default=True, doc="Whether the value must not be null.")
    display_name: str | None = field(default=None, doc="Label in the console.")
    description: str | None = field(default=None, doc="Markdown.")
    item_type: ElementType | None = field(default=None, doc="Type of the elements of a list.")
