"""One model's place in the completion store, under one of the cache modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Completion, ModelInfo, ModelSpec
from pytest_selfinvoke.generation.identity import (
    completion_key,
    model_identity,
    model_state,
    question,
)
from pytest_selfinvoke.generation.settings import CacheMode, StoreSettings
from pytest_selfinvoke.generation.store import CompletionStore, Entry, KnownModel
from pytest_selfinvoke.models.base import Request


class Shelf:
    """Finds and keeps the completions of one model.

    :param reference: the ``module:attr`` behind a model that a user registered.
    """

    def __init__(
        self,
        store: CompletionStore,
        settings: StoreSettings,
        spec: ModelSpec,
        reference: str | None = None,
    ) -> None:
        self._store = store
        self._mode = settings.mode
        self._run = settings.run
        self._spec = spec
        self._reference = reference
        self._state: str | None = None
        self._identity: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether what is not there must not be generated."""
        return self._mode is CacheMode.READ_ONLY

    def info(self) -> ModelInfo | None:
        """What is known of the model without loading it, if the store knows it.

        :raises UserError: if it does not and the store is all there is.
        """
        if self._mode is CacheMode.REFRESH:
            return None
        known = self._store.model(self._seen_state())
        info = None if known is None else known.info
        if known is None and self.is_final:
            known, info = self._foreign()
        if known is not None:
            self._identity = known.identity
        return info

    def bind(self, info: ModelInfo) -> bool:
        """Take in the facts of the loaded model; whether they are as remembered."""
        state = self._seen_state()
        identity = model_identity(self._spec, info, state)
        known = KnownModel(
            state=state, spec=self._spec.spec, identity=identity, info=info
        )
        if self._store.model(state) != known:
            self._store.remember(known)
        before, self._identity = self._identity, identity
        return before in (None, identity)

    def find(self, request: Request) -> Completion | None:
        """The completion of a request, if it is there."""
        if self._identity is None:
            return None
        entry = self._store.find(completion_key(self._identity, request))
        if entry is None:
            return None
        own = entry.run == self._run
        if self._mode is CacheMode.REFRESH and not own:
            return None
        return replace(entry.completion, stored=not own)

    def keep(self, pairs: Sequence[tuple[Request, Completion]]) -> None:
        """Put the completions of a batch into the store."""
        identity = self._identity
        assert identity is not None
        self._store.add(
            (
                Entry(
                    key=completion_key(identity, request),
                    identity=identity,
                    run=self._run,
                    question={**question(request), "case": request.key},
                    completion=completion,
                )
                for request, completion in pairs
            ),
            replace=self._mode is CacheMode.REFRESH,
        )

    def missing(self, request: Request) -> str:
        """Why a request has no completion where nothing may be generated."""
        return (
            f"{request.key}: not in the store {self._store.path}, and "
            "--selfinvoke-cache=read-only generates nothing"
        )

    def _seen_state(self) -> str:
        if self._state is None:
            self._state = model_state(self._spec, self._reference)
        return self._state

    def _foreign(self) -> tuple[KnownModel, ModelInfo]:
        """The model as another machine saw it: judging needs none of its engine."""
        found = self._store.models(self._spec.spec)
        if not found:
            raise UserError(
                f"model {self._spec.spec!r} is not in the store {self._store.path}; "
                "--selfinvoke-cache=read-only loads no model"
            )
        known = found[-1]
        notes = known.info.notes
        identities = {model.identity for model in found}
        if len(identities) > 1:
            note = f"the newest of {len(identities)} versions in the store"
            notes = (*notes, note)
        return known, replace(known.info, notes=notes)
