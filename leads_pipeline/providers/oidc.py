"""An OpenID Connect provider to log in at, found by discovery: Salesforce, or any other. Authlib does the protocol.

Says who somebody is, and what the provider vouches for. What that person may do here is decided elsewhere.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from leads_pipeline.errors import LeadsError, SetupProblem, Unauthorized
from leads_pipeline.logs import where
from leads_pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from authlib.integrations.starlette_client import StarletteOAuth2App

log = structlog.get_logger()

SCOPES = "openid email profile"
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Those that only the provider can make: never `none`, nor one that the client's secret could make."""
LEEWAY_SECONDS = 60
TIMEOUT_SECONDS = 10.0
METADATA_LASTS_SECONDS = 3600.0
ANYBODYS = frozenset({"login.salesforce.com", "test.salesforce.com"})
"""Where people of every Salesforce organization of the world can log in."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is. `groups` are the names in the groups claim, `salesforce_organization` an id of 15 characters."""

    issuer: str
    subject: str
    name: str
    email: str | None
    groups: frozenset[str]
    salesforce_organization: str | None


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send a browser, and what is expected of it when it is back."""

    url: str
    state: str
    nonce: str
    verifier: str


class Provider:
    """One provider. Raises `LeadsError` with status 502 when it cannot be asked, `Unauthorized` when it does not vouch."""

    def __init__(self, settings: Settings) -> None:
        issuer, client_id = settings.oidc_issuer, settings.oidc_client_id
        if issuer is None or client_id is None:
            raise SetupProblem("Set LEADS_OIDC_ISSUER and LEADS_OIDC_CLIENT_ID together.")
        where_ = urlsplit(issuer)
        if where_.scheme != "https" and where_.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise SetupProblem("LEADS_OIDC_ISSUER must be an https address.")
        if where_.hostname in ANYBODYS and not settings.oidc_salesforce_organizations:
            raise SetupProblem(
                f"At {where_.hostname} people of every Salesforce organization can log in: set "
                "LEADS_OIDC_SALESFORCE_ORGANIZATIONS, or your My Domain as LEADS_OIDC_ISSUER."
            )
        self.issuer = issuer
        self.label = "Salesforce" if (where_.hostname or "").endswith(".salesforce.com") else where_.hostname or issuer
        self._groups_claim = settings.oidc_groups_claim
        self._client_id = client_id
        secret = settings.oidc_client_secret
        self._client_secret = None if secret is None else secret.get_secret_value()
        self._app: StarletteOAuth2App | None = None
        self._app_until = 0.0

    async def departure(self, redirect_uri: str) -> Departure:
        """Begin a login: authorization code, with PKCE, state and nonce."""
        verifier = secrets.token_urlsafe(48)
        async with self._asking():
            app = await self._client()
            begun = await app.create_authorization_url(
                redirect_uri, state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), code_verifier=verifier
            )
        return Departure(begun["url"], begun["state"], begun["nonce"], verifier)

    async def identity(self, code: str, *, nonce: str, verifier: str, redirect_uri: str) -> Identity:
        """Exchange the code that the browser brought back, and check all that the provider says."""
        async with self._asking():
            app = await self._client()
            token = await app.fetch_access_token(redirect_uri, code=code, code_verifier=verifier)
            claims: dict[str, Any] = dict(
                await app.parse_id_token(
                    token,
                    nonce,
                    claims_options={
                        "iss": {"essential": True, "value": self.issuer},
                        "aud": {"essential": True, "value": self._client_id},
                        "sub": {"essential": True},
                    },
                    leeway=LEEWAY_SECONDS,
                )
                or {}
            )
            if not claims.get("sub"):
                raise Unauthorized(REFUSED)
            if "userinfo_endpoint" in app.server_metadata:
                more = await app.userinfo(token=token)
                # Somebody else's answer must not add to what the signed token says.
                if more.get("sub") != claims["sub"]:
                    raise Unauthorized(REFUSED)
                claims = {**more, **claims}
        return self._identity(claims)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        # A provider that says nothing about an address has not checked it.
        email = str(claims["email"]).lower() if claims.get("email") and claims.get("email_verified") is True else None
        return Identity(
            issuer=self.issuer,
            subject=str(claims["sub"]),
            name=str(email or claims.get("preferred_username") or claims.get("name") or claims["sub"])[:200],
            email=email,
            groups=frozenset(names(_within(claims, self._groups_claim.split(".")))),
            salesforce_organization=_salesforce_organization(claims),
        )

    async def _client(self) -> "StarletteOAuth2App":
        if self._app is None or time.monotonic() > self._app_until:
            self._app = await self._discovered()
            self._app_until = time.monotonic() + METADATA_LASTS_SECONDS
        return self._app

    async def _discovered(self) -> "StarletteOAuth2App":
        from authlib.integrations.starlette_client import StarletteOAuth2App

        app = StarletteOAuth2App(
            None,
            name="provider",
            client_id=self._client_id,
            client_secret=self._client_secret,
            server_metadata_url=f"{self.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": SCOPES, "code_challenge_method": "S256", "timeout": TIMEOUT_SECONDS},
        )
        metadata = await app.load_server_metadata()
        if metadata.get("issuer") != self.issuer:
            raise SetupProblem(
                f"LEADS_OIDC_ISSUER is {self.issuer}, but the provider calls itself {metadata.get('issuer')}."
            )
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        app.client_kwargs["token_endpoint_auth_method"] = "none" if self._client_secret is None else method
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in SIGNATURES]
        return app

    @asynccontextmanager
    async def _asking(self) -> "AsyncGenerator[None]":
        """Say of every failure what it means for the person who wants to log in; the log says what it was."""
        import httpx2
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError

        try:
            yield
        except LeadsError:
            raise
        except (AuthlibBaseError, JoseError, KeyError, ValueError) as error:
            log.warning("login refused", error=where(error), because=getattr(error, "error", None))
            raise Unauthorized(REFUSED) from error
        except httpx2.HTTPError as error:
            log.warning("provider does not answer", error=where(error))
            raise LeadsError(
                f"{self.label} does not answer at the moment; try again in a minute.",
                code="provider_unavailable",
                status=502,
                title="The provider does not answer",
            ) from error


REFUSED = "This login could not be verified. Begin again from here."


def names(value: object) -> Iterable[str]:
    """The names in a claim: a list, an object whose members are switched on, or a text with `,`, `;` or blanks between."""
    if isinstance(value, Mapping):
        return [str(name) for name, granted in value.items() if granted]
    if isinstance(value, list):
        return [str(name) for name in value]
    return str(value).replace(",", " ").replace(";", " ").split() if value else []


def _within(claims: object, path: list[str]) -> object:
    for name in path:
        claims = claims.get(name) if isinstance(claims, Mapping) else None
    return claims


def _salesforce_organization(claims: Mapping[str, Any]) -> str | None:
    """The id, of which 15 characters matter. Salesforce's subjects are addresses that hold it, and must not disagree."""
    said = str(claims.get("organization_id") or "")[:15] or None
    parts = str(claims["sub"]).split("/")
    if "id" in parts[:-2]:
        signed = parts[parts.index("id") + 1][:15]
        if said is not None and said != signed:
            raise Unauthorized(REFUSED)
        return signed
    return said
