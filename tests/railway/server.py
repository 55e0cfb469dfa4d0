"""A local Railway: the part of its public API that is in schema.graphql, with a state that calls change.

server.py ESTATE LOG [SECONDS]   serves on a free port of loopback, which is printed; each answer takes SECONDS
server.py --validate INTROSPECTION < DOCUMENTS
                                 compares documents (a JSON list) and schema.graphql with the provider's own introspection

ESTATE is a JSON file: tokens, workspaces and projects. LOG gets a line of JSON for each request.
"""

import json
import sys
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from graphql import (
    GraphQLError,
    build_client_schema,
    build_schema,
    graphql_sync,
    parse,
    validate,
)

HERE = Path(__file__).parent


def complaints_of(introspection, documents):
    """Everything that the provider's own schema has against the documents and against schema.graphql."""
    told = json.loads(Path(introspection).read_text())
    theirs = build_client_schema(told.get("data", told))
    said = [f"{document[:60]}: {error.message}" for document in documents for error in validate(theirs, parse(document))]
    ours = build_schema((HERE / "schema.graphql").read_text())
    for name, kind in ours.type_map.items():
        if name.startswith("__") or not hasattr(kind, "fields"):
            continue
        other = theirs.type_map.get(name)
        for field, own in kind.fields.items():
            known = other and other.fields.get(field)
            if not known or str(known.type) != str(own.type):
                said.append(f"{name}.{field} is {own.type} here and {known and known.type} there")
                continue
            for argument, value in own.args.items():
                there = known.args.get(argument)
                if not there or str(there.type) != str(value.type):
                    said.append(f"{name}.{field}({argument}) is not so there")
    return said


class Estate:
    """What there is, and who may see it."""

    def __init__(self, path):
        self.__dict__.update(json.loads(Path(path).read_text()))

    def project(self, id):
        found = next((project for project in self.projects if project["id"] == id), None)
        if found is None:
            raise GraphQLError("Project not found")
        return found

    def instances(self):
        for project in self.projects:
            for environment in project["environments"]:
                for instance in environment["instances"]:
                    yield project, environment, instance

    def volume_delete(self, id):
        """As documented: no argument for an environment, every instance goes, and the backups with it."""
        found = False
        now = datetime.now(timezone.utc).isoformat()
        for _, _, instance in self.instances():
            if instance["volumeId"] == id:
                found = True
                instance.update(state="DELETING", deletedAt=now, isPendingDeletion=True, backups=[])
        if not found:
            raise GraphQLError("Volume not found")
        return True


def connection(items):
    """A list in pages; a token is the number of the entry behind which it goes on."""

    def page(_info, first=None, after=None, last=None, before=None):
        begin = int(after) + 1 if after else 0
        end = begin + min(first or 10, 100)
        edges = [{"cursor": str(begin + at), "node": item} for at, item in enumerate(items[begin:end])]
        info = {"hasNextPage": end < len(items), "endCursor": edges[-1]["cursor"] if edges else None}
        return {"edges": edges, "pageInfo": info}

    return page


class Caller:
    """One request: what its token may see and do."""

    def __init__(self, estate, bearer, project_token):
        self.estate = estate
        self.token = estate.tokens.get(bearer or project_token)
        if self.token and (self.token["kind"] == "project") != (bearer is None):
            self.token = None

    def may(self, project):
        if self.token is None:
            raise GraphQLError("Not Authorized")
        if self.token["kind"] == "project":
            fits = project["id"] == self.token["project"]
        else:
            invited = project["id"] in self.token.get("invited", [])
            fits = invited or project["workspaceId"] in self.token["workspaces"]
        if not fits:
            raise GraphQLError("Not Authorized")

    def kind(self, *kinds):
        if self.token is None or self.token["kind"] not in kinds:
            raise GraphQLError("Not Authorized")

    def instance(self, id):
        for project, _, instance in self.estate.instances():
            if instance["id"] == id:
                self.may(project)
                return instance
        raise GraphQLError("VolumeInstance not found")

    def shown(self, project):
        self.may(project)
        return {
            **project,
            "environments": connection(project["environments"]),
            "volumes": connection(project["volumes"]),
            "buckets": connection(project["buckets"]),
        }

    def environment(self, id):
        for project in self.estate.projects:
            for environment in project["environments"]:
                if environment["id"] == id:
                    self.may(project)
                    if self.token["kind"] == "project" and id != self.token["environment"]:
                        raise GraphQLError("Not Authorized")
                    return {**environment, "volumeInstances": connection(environment["instances"])}
        raise GraphQLError("Environment not found")

    def root(self):
        def api_token(_info):
            self.kind("account", "workspace")
            return {"workspaces": [one for one in self.estate.workspaces if one["id"] in self.token["workspaces"]]}

        def me(_info):
            self.kind("account")
            return {"name": "somebody"}

        def external_workspaces(_info, projectId=None):
            self.kind("account")
            invited = [self.estate.project(id) for id in self.token.get("invited", [])]
            others = {one["workspaceId"] for one in invited}
            return [
                {**one, "projects": [self.shown(project) for project in invited if project["workspaceId"] == one["id"]]}
                for one in self.estate.workspaces
                if one["id"] in others
            ]

        def project_token(_info):
            self.kind("project")
            return {"projectId": self.token["project"], "environmentId": self.token["environment"]}

        def projects(_info, workspaceId=None, **page):
            self.kind("account", "workspace")
            of_it = [self.shown(one) for one in self.estate.projects if one["workspaceId"] == workspaceId]
            return connection(of_it)(_info, **page)

        def volume_delete(_info, volumeId):
            # An account's or a workspace's token may; of a project's that is not documented.
            self.kind("account", "workspace")
            return self.estate.volume_delete(volumeId)

        return {
            "apiToken": api_token,
            "externalWorkspaces": external_workspaces,
            "me": me,
            "projectToken": project_token,
            "projects": projects,
            "project": lambda _info, id: self.shown(self.estate.project(id)),
            "environment": lambda _info, id, projectId=None: self.environment(id),
            "volumeInstanceBackupList": lambda _info, volumeInstanceId: self.instance(volumeInstanceId)["backups"],
            "volumeInstanceBackupScheduleList": lambda _info, volumeInstanceId: self.instance(volumeInstanceId)["schedules"],
            "bucketS3Credentials": lambda _info, **_: [{"accessKeyId": "canary-of-a-bucket-key"}],
            "volumeDelete": volume_delete,
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = json.loads(body)
        scheme, _, bearer = self.headers.get("Authorization", "").partition(" ")
        bearer = bearer if scheme == "Bearer" else None
        project_token = self.headers.get("Project-Access-Token")
        with self.server.lock:
            with open(self.server.log, "a") as log:
                line = {"path": self.path, "document": asked["query"], "variables": asked.get("variables"),
                        "shown": bearer or project_token}
                log.write(json.dumps(line) + "\n")
        time.sleep(self.server.seconds)
        with self.server.lock:
            caller = Caller(self.server.estate, bearer, project_token)
            result = graphql_sync(
                self.server.schema,
                asked["query"],
                root_value=caller.root(),
                variable_values=asked.get("variables"),
                operation_name=asked.get("operationName"),
            )
        told = {"data": result.data}
        if result.errors:
            told["errors"] = [{"message": error.message, "path": error.path} for error in result.errors]
        answer = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def serve(estate, log, seconds="0"):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.schema = build_schema((HERE / "schema.graphql").read_text())
    server.estate, server.log, server.seconds = Estate(estate), log, float(seconds)
    server.lock = threading.Lock()
    print(server.server_port, flush=True)
    # Ends with whoever started it, however that ends.
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[1] == "--validate":
        print(json.dumps(complaints_of(sys.argv[2], json.load(sys.stdin))))
    else:
        serve(*sys.argv[1:])
