"""How does the gateway refuse a request? With the status and the words of Qdrant's own server."""


class GatewayError(Exception):
    """A refusal: ``status`` is the HTTP status, ``str()`` the sentence."""

    status = 400


class WrongInputError(GatewayError):
    """The request is well formed but impossible."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Wrong input: {reason}")


class FormatError(GatewayError):
    """The body is not the JSON that this request needs."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Format error in JSON body: {reason}")


class MissingError(GatewayError):
    """A collection or a point does not exist."""

    status = 404

    def __init__(self, reason: str) -> None:
        super().__init__(f"Not found: {reason}")


class ExistsError(GatewayError):
    """A collection of that name already exists."""

    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(f"Wrong input: Collection `{name}` already exists!")


class TooLargeError(GatewayError):
    """The body is larger than Qdrant's default limit."""

    status = 413
