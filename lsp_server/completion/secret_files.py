"""Names of files and folders that hold secrets, as patterns of ``.gitignore``; data only."""

from __future__ import annotations

from typing import Final

NAMES: Final = (
    # Environments and settings of deployments
    *(".env*", "*.env", ".dev.vars*", ".envrc", ".flaskenv", "local.settings.json"),
    *("*.tfvars", "*.tfvars.json", "*.tfstate", "*.tfstate.*", "*.tfplan", ".terraformrc"),
    *("terraform.rc", "credentials.tfrc.json", "*.publishsettings", "*.pubxml.user"),
    # Keys and certificates
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.p8", "*.pkcs12", "*.crt", "*.cert", "*.cer", "*.der"),
    *("*.jks", "*.bks", "*.keystore", "*.truststore", "*.keytab", "*.jwk", "*.jwks", "*.ppk"),
    *("*.asc", "*.gpg", "*.pgp", "*.age", "secring.*", "trustdb.gpg", "*.ovpn", "*.snk"),
    *("*.mobileprovision", "*.provisionprofile", "keystore.properties", "signing.properties"),
    *("key.properties", "*_rsa", "*_dsa", "*_ecdsa", "*_ed25519"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "authorized_keys", "known_hosts"),
    # Stores of passwords
    *("*.kdb", "*.kdbx", "*.psafe3", "*.agilekeychain", "*.keychain", "*.keychain-db", "*.opvault"),
    *(".htpasswd", "htpasswd", "shadow", "gshadow", "passwd", "master.passwd", "*.htpasswd"),
    *(".vault-token", ".vault_pass*", ".vault-pass*", ".vault_key"),
    *(".ansible_vault*", ".smbcredentials", ".cifscredentials", ".rhosts", "wpa_supplicant.conf"),
    # Accounts of package registries, version control and hosts
    *(".npmrc", ".yarnrc.yml", ".netrc", "_netrc", ".pypirc", ".git-credentials", ".dockercfg"),
    *(
        ".dockerconfigjson",
        ".gemrc",
        ".credentials",
        ".clasprc.json",
        ".sentryclirc",
        ".databrickscfg",
    ),
    *(".authinfo*", ".boto", ".s3cfg", ".passwd-s3fs", ".ossutilconfig", "rclone.conf"),
    *(".bintray*", ".cargo-credentials", "settings-security.xml", "kaggle.json", "ngrok.yml"),
    *("kubeconfig", "kubeconfig.*", "*.kubeconfig", "*-kubeconfig", ".kubeconfig*"),
    # Databases, mail and file transfer
    *(".my.cnf", ".mylogin.cnf", ".pgpass", "pgpass.conf", ".pg_service.conf", ".mongorc.js"),
    *(".mongoshrc.js", ".rediscli_auth", ".dbshell", ".msmtprc", ".esmtprc", ".fetchmailrc"),
    *(
        ".offlineimaprc",
        ".mbsyncrc",
        ".ftpconfig",
        "sftp-config.json",
        "sftp.json",
        ".remote-sync.json",
    ),
    *("filezilla.xml", "sitemanager.xml", "recentservers.xml", "webservers.xml", ".ftppass"),
    # What was typed in shells
    *(".bash_history", ".zsh_history", ".sh_history", ".history", "fish_history", ".psql_history"),
    *(".mysql_history", ".python_history", ".node_repl_history", ".irb_history", ".sqlite_history"),
    *(".rediscli_history", "consolehost_history.txt"),
    # Accounts of clouds
    *("client_secret*.json", "client-secret*.json", "*client_secret*.json", "credentials.csv"),
    *("service_account*.json", "service-account*.json", "serviceaccount*.json", "rootkey.csv"),
    *("*service-account*.json", "*service_account*.json", "*serviceaccountkey*.json"),
    *("*firebase-adminsdk*.json", "application_default_credentials.json", "*accesskeys*.csv"),
    *("*credentials*.csv", "gcp-key*.json", "gcloud-key*.json", "*.boto"),
    *("azureprofile.json", "accesstokens.json", "token.json", "token.pickle"),
)
"""Patterns of file names, whatever is in the file."""

FOLDERS: Final = (
    *(".aws/**", ".ssh/**", ".gnupg/**", ".azure/**", ".kube/**", ".oci/**", ".password-store/**"),
    *(".docker/config.json", ".cargo/credentials*", ".gem/credentials", ".bundle/config"),
    *(
        ".config/gcloud/**",
        ".config/gh/hosts.yml",
        ".config/hub",
        ".config/op/**",
        ".config/doctl/**",
    ),
    *(".config/rclone/**", ".composer/auth.json", ".m2/settings.xml", ".gradle/gradle.properties"),
    *(".subversion/auth/**", ".terraform.d/credentials*", ".pulumi/credentials.json", ".jfrog/**"),
    *(".kaggle/**", ".huggingface/token", "huggingface/token", ".snowsql/config", ".purple/**"),
    *(".netlify/config.json", ".vercel/auth.json", ".cloudflared/**", ".ngrok2/**", ".lpass/**"),
    *("kubernetes/admin.conf", "kubernetes/*.conf", ".chef/*.pem", ".secrets/**"),
)
"""Patterns of paths, whatever is in the file."""

DATA_NAMES: Final = (
    *("secret", "secret.*", "secrets", "secrets.*", "*[-_.]secret", "*[-_.]secret.*"),
    *("*[-_.]secrets", "*[-_.]secrets.*", "*.secrets.*", "client_secret*", "client-secret*"),
    *("credential", "credential.*", "credentials", "credentials.*", "*[-_.]credentials"),
    *("*[-_.]credentials.*", "*[-_.]creds", "*[-_.]creds.*", "creds", "creds.*"),
    *("password", "password.*", "passwords", "passwords.*", "passwd.*", "*[-_.]password"),
    *("*[-_.]passwords", "*[-_.]password.txt", "*[-_.]passwords.*", "passphrase", "passphrase.*"),
    *("api[-_]key*", "apikey*", "api_keys*", "*[-_.]api[-_]key", "*[-_.]apikey", "auth_token*"),
    *("private[-_]key*", "*[-_.]private[-_]key*", "access[-_]token*", "refresh[-_]token*"),
    *("access[-_]key*", "secret[-_]key*", "*secret_key_base*", "token", "token.txt", ".token*"),
    *("service_account*", "service-account*", "aws_credentials*", "msal_token_cache*", "privkey*"),
    *("vault_pass*", "vault-pass*"),
)
"""Patterns of names of files that hold secrets, unless they are code or prose."""

DATA_FOLDERS: Final = ("secrets/**",)
"""Patterns of paths of files that hold secrets, unless they are code or prose."""

CODE: Final = frozenset(
    {
        *(".py", ".pyi", ".pyx", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"),
        *(".vue", ".svelte", ".astro", ".go", ".rs", ".java", ".kt", ".kts", ".scala", ".groovy"),
        *(".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".m", ".mm", ".cs", ".fs", ".vb"),
        *(".php", ".rb", ".erb", ".pl", ".pm", ".lua", ".r", ".jl", ".swift", ".dart", ".ex"),
        *(".exs", ".erl", ".hrl", ".hs", ".ml", ".mli", ".clj", ".cljs", ".elm", ".nim", ".zig"),
        *(".sql", ".tf", ".bicep", ".html", ".htm", ".css", ".scss", ".less", ".md", ".mdx"),
        *(".rst", ".adoc", ".tex", ".proto", ".graphql", ".thrift", ".tpl", ".j", ".jinja"),
        *(".hbs", ".ejs", ".nix", ".rego", ".robot", ".feature", ".tcl", ".vim", ".el", ".sol"),
        *(".cu", ".cmake", ".mk"),
    }
)
"""Suffixes of code and prose: names speak of secrets there, but files rarely hold one."""

LANGUAGES: Final = frozenset({"dotenv", "env", "ssh_config", "git-credentials"})
"""Language ids of documents that hold secrets, also where they have no name yet."""
