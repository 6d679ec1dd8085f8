"""What goes wrong in a request, in the status and words that Qdrant's own server uses?"""


class GatewayError(Exception):
    """A refusal: ``status`` is the HTTP status, ``str()`` the sentence."""

    status = 400


class WrongInputError(GatewayError):
    """A well-formed request that asks for something impossible."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Wrong input: {reason}")


class FormatError(GatewayError):
    """A body that is not the JSON that this request takes."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Format error in JSON body: {reason}")


class MissingError(GatewayError):
    """A collection or a point that is not there."""

    status = 404

    def __init__(self, reason: str) -> None:
        super().__init__(f"Not found: {reason}")


class ExistsError(GatewayError):
    """A collection of that name is already there."""

    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(f"Wrong input: Collection `{name}` already exists!")


class TooLargeError(GatewayError):
    """A body over Qdrant's default limit."""

    status = 413
