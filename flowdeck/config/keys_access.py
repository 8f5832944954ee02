"""Keys of accounts: who may come in."""

from __future__ import annotations

from flowdeck.config.key import ACCOUNTS, below, ignored, key

ACCESS = (
    *below(
        "kestra",
        key("server.basic-auth.username", text="Mail address of the account; else the first visit makes one."),
        key("server.basic-auth.password", secret=True, text="Its password."),
        key("server.basic-auth.realm", "s", None, "Name that browsers show when they ask for the password."),
        key("server.basic-auth.open-urls", "l", [], "Paths that need no account."),
        *ignored("there always is an account", "b", "server.basic-auth.enabled"),
        key("security.basic-auth.password-regexp", text="What a new password must match."),
        *ignored(
            ACCOUNTS,
            "m",
            "security.basic-auth.password-reset",
            "security.super-admin",
            "security.default-role",
            "security.invitations",
            "security.login",
            "security.oidc",
            "security.passwordless",
            "security.ldap",
            secret=True,
        ),
    ),
    *below(
        "micronaut",
        *ignored(ACCOUNTS, "m", "security", secret=True),
    ),
)
