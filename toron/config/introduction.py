"""What the reference of the configuration says before its tables."""

INTRODUCTION = """\
# The configuration

<!-- Written by `toron schema --markdown`; `make docs` renews it. To change it, change the docstrings
in toron/config/model.py and of the plug-ins, or the words in toron/config/introduction.py. -->

One file, or [several](operating.md#several-files), in YAML, TOML or JSON by the extension (`.yaml`, `.yml`,
`.toml`, `.json`), with the same keys in each. The smallest one that does something:

```yaml
listeners:
  - {protocol: http, port: 8080}
routes:
  - backend: {url: "http://127.0.0.1:9000"}
```

`toron check FILE` says what is wrong with a file, `toron check --effective FILE` prints it with every
default, and `toron schema > toron.schema.json` writes a JSON Schema, with which editors complete and check
while you type. [`toron explain URL`](explain.md) says which rule takes a request.

## Mistakes

All of them are reported at once, before anything is served, each as `file:line:column: what, and what to
do`. An unknown key is an error. Warnings are said too, and stop nothing:

```console
$ toron check toron.yaml
toron.yaml:2:22: unknown key 'prot': did you mean 'port'?
toron.yaml:4:21: warning: anybody can pose as this server: set ca: instead
```

## Values

These words are used below:

| word | is written |
|---|---|
| duration | a number with `ms`, `s`, `m`, `h` or `d`, or several of them: `250ms`, `10s`, `1m30s`; or `0` |
| size | bytes, or with `k`, `m` or `g` (of 1024 each): `512`, `64k`, `10m`; or `unlimited` |
| rate | a count and a time: `100/s`, `30/m`, `1000/15m` |
| share | a percentage: `20%` |
| network | an address or a network: `192.0.2.7`, `10.0.0.0/8`, `"2001:db8::/32"` |
| regular expression | in [RE2's syntax](https://github.com/google/re2/wiki/Syntax): no lookaheads |
| file | a path; a relative one starts at the folder of the configuration, of several files the first |
| secret | a text, or `{file: path}` to read it from a file of its own; it is never shown |

Where a list is wanted, one item alone will often do: `host: a.example.com`.

`${VAR}` in any text is replaced by the environment's value, which must be set; `${VAR:-default}` need not
be, and `$${` is `${` itself. Inside `{ }` and `[ ]` YAML wants quotes around it:
`{secret: "${JWT_SECRET}"}`. YAML is read as version 1.2, where `yes`, `no`, `on` and `off` are text;
anchors, aliases and `<<` work, tags do not."""
"""The top of the page, up to the first section."""

DRAWERS = {
    "guards": """\
## Guards

A listener's guards are named by their word, or by their word with options. Each may refuse a connection:

```yaml
guards:
  - allow: [10.0.0.0/8]
  - connections: {total: 512, per_client: 32}
```""",
    "middleware": """\
## Middleware

A route's middlewares are named in the order in which requests walk through them: by their word, by their
word with options, or by a name of your own. Such a name stands under `middlewares:` at the top of the
file, with the word as its `type`; without a type the name is the word. What is named there is one and the
same wherever it is used: this `rate-limit` counts the requests of all routes together.

```yaml
middlewares:
  auth: {type: jwt, secret: "${JWT_SECRET}"}
  rate-limit: {rate: 100/s}
routes:
  - match: {path: /api}
    middlewares: [auth, rate-limit, {strip-prefix: /api}]
    backend: api
```""",
    "balancers": """\
## Balancers

The balancer of a backend picks one of the servers that are well and were not tried yet. It is named by
its word, or by its word with options: `balance: least-conn`, `balance: {ip-hash: {ipv6_prefix: 56}}`.""",
    "discovery": """\
## Discovery

A backend's servers are written under `servers:`, or a discovery provider says who they are, named by its
word with options. It says so again whenever that changes: servers that stay keep their connections and
their state, those that come are checked and used, those that go get nothing new and finish what they have.
When nothing can be found out, or nobody is there, the servers that were found last stay
([more](operating.md#discovery)).

```yaml
backends:
  api:
    discovery: {dns: {name: api.internal, port: 8080}}
  db:
    discovery: {file: {path: db-servers.yaml, scheme: tcp}}
```""",
}
"""What is said of the plug-ins of each drawer, with its heading, in the order of the page."""
