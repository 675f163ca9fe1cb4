"""The scenarios there are; the story of one is the module of its name."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from eval.diagnosis.finding import Name

if TYPE_CHECKING:
    from eval.scenarios.story import Story


@dataclass(frozen=True, slots=True)
class Scenario:
    """A failure that was built on purpose."""

    number: int
    finding: Name
    title: str
    """A few words for a list."""

    @property
    def name(self) -> str:
        """Of its files and folders."""
        return f"{self.number}-{str(self.finding).replace('_', '-')}"

    @property
    def module(self) -> ModuleType:
        """Of eval.scenarios: gather(runs) and story(traces)."""
        return importlib.import_module(f"eval.scenarios.{self.finding}")

    def story(self, folder: Path) -> "Story":
        """The story that traces tell, with the incident report at its end."""
        # They need Matplotlib, whose import takes a second: the app lists scenarios when it starts.
        from eval.scenarios.document import with_report
        from eval.scenarios.traces import Traces

        traces = Traces(folder)
        return with_report(self.module.story(traces), traces)


SCENARIOS = {
    scenario.number: scenario
    for scenario in (
        Scenario(1, Name.OVERFITTING, "Overfitting"),
        Scenario(2, Name.OSCILLATION, "Oscillation"),
        Scenario(3, Name.VANISHING_GRADIENTS, "Vanishing gradients"),
    )
}
