"""Every error that Strongroom raises on purpose.

RagError
├── SettingsError             a setting has a value that cannot be used
├── FilterError               what is to be looked in is not in the library
├── DocumentError             one document could not be taken in; the others go on
│   ├── UnreadableDocument    missing, no permission, not a file
│   ├── UnsupportedDocument   not a kind of file that Strongroom reads
│   ├── DamagedDocument       the file's structure cannot be followed
│   ├── EncryptedDocument     a password is needed, or the one given is wrong
│   ├── EmptyDocument         no pages
│   ├── NoTextDocument        pages, but no text on any of them
│   ├── DocumentTooLarge      over a limit of the settings
│   └── ReadingFailed         its reader crashed, or took too long or too much memory
├── ModelError
│   ├── ModelMissing          the weights are not in the models folder
│   ├── ModelCorrupt          the weights are not the published bytes
│   ├── ModelFetchError       no source gave the weights
│   └── ContextOverflow       the question alone does not fit the model's window
├── StoreError
│   ├── StoreLocked           another process holds the library
│   ├── StoreCorrupt          the library's files cannot be read
│   ├── StoreMismatch         the library was made with another embedding model or version
│   └── StoreFull             the disk is full
└── SealError                 networking could not be switched off

A message says what happened, to which file, and what to do next.
"No evidence" is a result of asking, never an error.
"""


class RagError(Exception):
    """Base of all errors that carry a message meant for the person."""


class SettingsError(RagError):
    pass


class FilterError(RagError):
    pass


class DocumentError(RagError):
    """One document could not be taken in."""


class UnreadableDocument(DocumentError):
    pass


class UnsupportedDocument(DocumentError):
    pass


class DamagedDocument(DocumentError):
    pass


class EncryptedDocument(DocumentError):
    pass


class EmptyDocument(DocumentError):
    pass


class NoTextDocument(DocumentError):
    pass


class DocumentTooLarge(DocumentError):
    pass


class ReadingFailed(DocumentError):
    pass


class ModelError(RagError):
    """A model's weights could not be used."""


class ModelMissing(ModelError):
    pass


class ModelCorrupt(ModelError):
    pass


class ModelFetchError(ModelError):
    pass


class ContextOverflow(ModelError):
    pass


class StoreError(RagError):
    """The library on disk could not be used."""


class StoreLocked(StoreError):
    pass


class StoreCorrupt(StoreError):
    pass


class StoreMismatch(StoreError):
    pass


class StoreFull(StoreError):
    pass


class SealError(RagError):
    pass
