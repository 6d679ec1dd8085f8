"""Is a bearer token valid only for its user, its purpose and its time?"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.test import Client

from apps.tenants import tokens
from apps.tenants.models import RevokedToken, Role, Tenant, User
from apps.tenants.tokens import InvalidTokenError
from tests.services.tenants.conftest import PASSWORD, NewUser
from tests.unit.sources.scripted import Say, ScriptedServer

pytestmark = pytest.mark.urls("tests.services.tenants.urls")

CENTRAL_PATH = "/api/v1/auth/validate-service"


@pytest.fixture
def ada(acme: Tenant, new_user: NewUser) -> User:
    return new_user("ada", {acme: Role.VIEWER})


@pytest.fixture
def central(settings: Any) -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    settings.BACKEND_SERVICE_URL = server.url
    yield server
    server.close()


def whoami(token: str, **headers: str) -> Any:
    return Client().get("/api/whoami", headers={"Authorization": f"Bearer {token}", **headers})


def forge(user: User, **changes: Any) -> str:
    """A token that is signed with the right key and has other claims. ``None`` leaves a claim out."""
    key = changes.pop("key", tokens._signing_key())
    now = datetime.now(UTC)
    claims = {
        "iss": tokens.ISSUER,
        "aud": tokens.AUDIENCE,
        "sub": str(user.pk),
        "iat": now,
        "exp": now + timedelta(minutes=5),
        "jti": str(uuid.uuid4()),
        "use": "access",
        "pwd": tokens._password_mark(user),
        **changes,
    }
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, "HS256")


def test_a_password_gets_a_valid_token_pair(ada: User) -> None:
    body = {"username": "ada", "password": PASSWORD}
    pair = Client().post("/api/token", body, content_type="application/json").json()
    assert pair["expires_in"] == 1800
    assert whoami(pair["access"]).json() == {"user": "ada", "tenant": "acme", "role": "viewer"}
    assert PASSWORD not in str(jwt.decode(pair["access"], options={"verify_signature": False}))


def test_a_wrong_password_is_401_in_json(ada: User) -> None:
    answer = Client().post("/api/token", {"username": "ada", "password": "x"}, content_type="application/json")
    assert answer.status_code == 401
    assert "correct username and password" in answer.json()["detail"]


def test_the_forged_token_of_these_tests_is_otherwise_right(ada: User) -> None:
    assert tokens.user_of_access_token(forge(ada)) == ada


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"exp": datetime(2020, 1, 1, tzinfo=UTC)}, "has expired"),
        ({"aud": "another-api"}, r"is not valid\. Log in"),
        ({"iss": "somebody"}, r"is not valid\. Log in"),
        ({"key": b"another key of a good length......"}, r"is not valid\. Log in"),
        ({"use": "refresh"}, "not an access token"),
        ({"pwd": "0123456789abcdef"}, "changed or deactivated"),
        ({"sub": "987654321"}, "changed or deactivated"),
        *(({name: None}, r"is not valid\. Log in") for name in tokens.REQUIRED),
    ],
)
def test_a_token_with_one_thing_wrong_is_refused(ada: User, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidTokenError, match=sentence):
        tokens.user_of_access_token(forge(ada, **changes))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "ü", "\x00", "e30.e30.", "x" * 10_000])
def test_rubbish_is_refused(db: None, token: str) -> None:
    with pytest.raises(InvalidTokenError):
        tokens.user_of_access_token(token)


def test_an_unsigned_token_is_refused(ada: User) -> None:
    claims = jwt.decode(forge(ada), options={"verify_signature": False})
    with pytest.raises(InvalidTokenError):
        tokens.user_of_access_token(jwt.encode(claims, "", "none"))


def test_another_secret_key_ends_all_tokens(ada: User, settings: Any) -> None:
    access = tokens.issue_tokens(ada).access
    settings.SECRET_KEY = "another secret key of this site, long enough"
    with pytest.raises(InvalidTokenError):
        tokens.user_of_access_token(access)


@pytest.mark.parametrize("change", ["password", "deactivated"])
def test_a_changed_password_or_a_deactivated_account_ends_its_tokens(ada: User, change: str) -> None:
    pair = tokens.issue_tokens(ada)
    if change == "password":
        ada.set_password("another good password 47")
    ada.is_active = change != "deactivated"
    ada.save()
    assert whoami(pair.access).status_code == 401
    with pytest.raises(InvalidTokenError):
        tokens.refresh_tokens(pair.refresh)


def test_a_refresh_token_works_once(ada: User) -> None:
    first = tokens.issue_tokens(ada)
    second = tokens.refresh_tokens(first.refresh)
    assert whoami(second.access).status_code == 200
    answer = Client().post("/api/token/refresh", {"refresh": first.refresh}, content_type="application/json")
    assert (answer.status_code, answer.json()["detail"]) == (
        401,
        "This refresh token was already used. Log in again.",
    )
    assert tokens.refresh_tokens(second.refresh).access


def test_an_access_token_cannot_be_used_to_refresh(ada: User) -> None:
    with pytest.raises(InvalidTokenError, match="not a refresh token"):
        tokens.refresh_tokens(tokens.issue_tokens(ada).access)


def test_a_revoked_token_cannot_be_used_to_refresh(ada: User) -> None:
    pair = tokens.issue_tokens(ada)
    answer = Client().post("/api/token/revoke", {"refresh": pair.refresh}, content_type="application/json")
    assert answer.status_code == 204
    with pytest.raises(InvalidTokenError, match="already used"):
        tokens.refresh_tokens(pair.refresh)


def test_revoked_tokens_are_deleted_after_they_have_expired(ada: User) -> None:
    RevokedToken.objects.create(jti=uuid.uuid4(), expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    tokens.refresh_tokens(tokens.issue_tokens(ada).refresh)
    assert RevokedToken.objects.count() == 1


def test_the_api_answers_refusals_in_json(ada: User, acme: Tenant, globex: Tenant) -> None:
    assert Client().get("/api/whoami").json() == {"detail": "Log in, or send a bearer token."}
    assert Client().post("/api/tenants/acme/act").status_code == 401
    bearer = {"Authorization": f"Bearer {tokens.issue_tokens(ada).access}"}
    denied = Client().post("/api/tenants/acme/act", headers=bearer)
    assert denied.status_code == 403
    assert "needs the Operator role" in denied.json()["detail"]
    foreign = Client().post("/api/tenants/globex/act", headers=bearer)
    missing = Client().post("/api/tenants/nothing/act", headers=bearer)
    assert (
        (foreign.status_code, foreign.json()) == (missing.status_code, missing.json()) == (404, {"detail": "Not Found"})
    )


def test_a_session_writes_only_with_the_csrf_token(acme: Tenant, new_user: NewUser) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(new_user("bob", {acme: Role.OPERATOR}))
    assert browser.get("/api/whoami").json()["user"] == "bob"
    assert browser.post("/api/tenants/acme/act").status_code == 403
    browser.cookies["csrftoken"] = "a" * 32
    assert browser.post("/api/tenants/acme/act", headers={"X-CSRFToken": "a" * 32}).json() == {"done": True}


def test_an_invalid_bearer_token_is_refused_despite_a_session(ada: User) -> None:
    browser = Client()
    browser.force_login(ada)
    assert browser.get("/api/whoami", headers={"Authorization": "Bearer x"}).status_code == 401


def test_the_header_chooses_among_the_callers_tenants(acme: Tenant, globex: Tenant, new_user: NewUser) -> None:
    initech = Tenant.objects.create(slug="initech", name="Initech")
    access = tokens.issue_tokens(new_user("bob", {acme: Role.VIEWER, globex: Role.ADMIN})).access
    assert whoami(access).json()["tenant"] == "acme"
    assert whoami(access, **{"X-Tenant": "globex"}).json() == {
        "user": "bob",
        "tenant": "globex",
        "role": "admin",
    }
    for slug in (initech.slug, "nothing"):
        answer = whoami(access, **{"X-Tenant": slug})
        assert (answer.status_code, answer.json()) == (
            404,
            {"detail": "The header X-Tenant does not name one of your tenants."},
        )


def test_the_central_service_is_asked_once_a_minute_per_token(ada: User, central: ScriptedServer) -> None:
    central.on(CENTRAL_PATH, Say({"valid": True, "user": {"username": "ada"}}))
    assert whoami("central-token").json()["user"] == "ada"
    assert whoami("central-token").status_code == 200
    (question,) = central.calls(CENTRAL_PATH)
    assert (question.method, question.headers["authorization"]) == ("POST", "Bearer central-token")
    assert whoami("another-token").status_code == 200
    assert len(central.calls(CENTRAL_PATH)) == 2


def test_our_own_tokens_are_never_sent_to_the_central_service(ada: User, central: ScriptedServer) -> None:
    assert whoami(tokens.issue_tokens(ada).access).status_code == 200
    assert not central.seen


@pytest.mark.parametrize(
    "answer",
    [
        Say({"valid": False}),
        Say({"detail": "no"}, 401),
        Say({"valid": True, "user": {"username": "ada"}}, 500),
        Say({"valid": True, "user": {"username": "ada"}}, 201),
        Say({"valid": True, "user": {"username": "nobody-here"}}),
        Say({"valid": True, "user": {"username": "ada"}, "pad": "x" * 100_000}),
        Say(b"<html>Please log in</html>", headers={"Content-Type": "text/html"}),
        Say(b"", 302, {"Location": "/elsewhere"}),
        Say({"valid": True, "user": {"username": "ada"}}, cut=10),
    ],
)
def test_anything_but_a_clear_yes_keeps_people_out(ada: User, central: ScriptedServer, answer: Say) -> None:
    central.on("/elsewhere", Say({"valid": True, "user": {"username": "ada"}}))
    central.on(CENTRAL_PATH, answer)
    assert whoami("central-token").status_code == 401


def test_an_unreachable_service_lets_nobody_in_and_is_asked_again(
    ada: User, central: ScriptedServer, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.BACKEND_SERVICE_URL = "http://127.0.0.1:1"
    assert whoami("central-token").status_code == 401
    assert "central-token" not in caplog.text
    settings.BACKEND_SERVICE_URL = central.url
    central.on(CENTRAL_PATH, Say({"valid": True, "user": {"username": "ada"}}))
    assert whoami("central-token").status_code == 200


def test_a_deactivated_account_stays_closed_despite_a_central_yes(ada: User, central: ScriptedServer) -> None:
    User.objects.update(is_active=False)
    central.on(CENTRAL_PATH, Say({"valid": True, "user": {"username": "ada"}}))
    assert whoami("central-token").status_code == 401


def test_without_a_central_service_nobody_is_asked(ada: User, central: ScriptedServer, settings: Any) -> None:
    settings.BACKEND_SERVICE_URL = ""
    assert whoami("central-token").status_code == 401
    assert not central.seen
