"""The endpoints of studies; see `api`."""

from dataclasses import asdict

from fourreal.jobs.service import Service
from fourreal.study.values import Study
from fourreal.web.study_routes import results_url, study_url


class StudyCalls:
    """What `api.Calls` has of them."""

    _service: Service

    def study_sources(self, owner: str) -> list:
        """What may go into a study: [{id, title, kind}], own scenes, shipped ones and own videos."""
        return [asdict(one) for one in self._service.studies.sources(owner)]

    def make_study(self, owner: str, study: dict) -> dict:
        """Make a study of {name, pairs: [{prompt, first: {method, source}, second}]}; a minute or so for each scene."""
        return self._study(owner, self._service.studies.make(owner, study))

    def studies(self, owner: str) -> list:
        """All studies of this token, newest first."""
        return [self._study(owner, one) for one in self._service.studies.studies(owner)]

    def study_results(self, owner: str, study: str) -> dict:
        """What the votes of a study say until now: percentages with 95 % intervals."""
        return asdict(self._service.studies.results(owner, study))

    def delete_study(self, owner: str, study: str) -> bool:
        """Delete a study with its votes."""
        self._service.studies.delete(owner, study)
        return True

    def _study(self, owner: str, study: Study) -> dict:
        results = self._service.studies.results(owner, study.id)
        pairs = [
            {
                "prompt": pair.prompt,
                "first": pair.first.method,
                "second": pair.second.method,
                "notes": [film.note for film in (pair.first, pair.second)],
            }
            for pair in study.pairs
        ]
        form = {name: getattr(study, name) for name in ("id", "name", "created", "size", "seconds", "fps")}
        counts = {name: getattr(results, name) for name in ("raters", "finished", "votes")}
        return form | counts | {"pairs": pairs, "url": study_url(study.id), "results": results_url(study)}
