"""What a thief of a key tries on a vault in a bucket: one group of acts, and what came of each, as JSON."""

import datetime
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, key, secret, bucket, prefix, group = sys.argv[1:]
s3 = boto3.client(
    "s3",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id=key,
    aws_secret_access_key=secret,
    config=Config(retries={"max_attempts": 1}, request_checksum_calculation="when_required"),
)
said = {}


def tried(act, call):
    """Counts whether the server let it through, or by which code it refused."""
    outcome = said.setdefault(act, {"through": 0, "refused": {}})
    try:
        answer = call()
    except ClientError as error:
        codes = [error.response["Error"]["Code"]]
    else:
        codes = [error["Code"] for error in answer.get("Errors", [])]
        outcome["through"] += len(answer["Deleted"]) if "Deleted" in answer else int(not codes)
    for code in codes:
        outcome["refused"][code] = outcome["refused"].get(code, 0) + 1


def versions():
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    return [version for page in pages for version in page.get("Versions", [])]


def keys():
    return sorted({version["Key"] for version in versions()})


def put(act, keys, body):
    with ThreadPoolExecutor(8) as pool:
        each = lambda name: tried(act, lambda: s3.put_object(Bucket=bucket, Key=name, Body=body(name)))
        list(pool.map(each, keys))


def locked():
    """The versions under a lock: a canary of `vault check` may have none, and may be given one."""
    return [version for version in versions() if not version["Key"].startswith(prefix + "canary/")]


def deletes():
    for version in versions():
        one = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
        tried("delete a version", lambda: s3.delete_object(**one))
        tried("delete a version past governance", lambda: s3.delete_object(**one, BypassGovernanceRetention=True))
    objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions()]
    tried("delete versions in a batch", lambda: s3.delete_objects(Bucket=bucket, Delete={"Objects": objects[:1000]}))


def markers():
    for name in keys():
        tried("a delete marker", lambda: s3.delete_object(Bucket=bucket, Key=name))
    objects = [{"Key": name} for name in keys()][:1000]
    tried("delete markers in a batch", lambda: s3.delete_objects(Bucket=bucket, Delete={"Objects": objects}))


def locks():
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
    late = soon + datetime.timedelta(days=3000)
    acts = {
        "a shorter lock": {"Mode": "COMPLIANCE", "RetainUntilDate": soon},
        "a softer lock": {"Mode": "GOVERNANCE", "RetainUntilDate": late},
        "a softer and shorter lock": {"Mode": "GOVERNANCE", "RetainUntilDate": soon},
        "no lock": {},
    }
    for version in locked():
        one = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
        for act, retention in acts.items():
            ask = lambda: s3.put_object_retention(**one, Retention=retention, BypassGovernanceRetention=True)
            tried(act, ask)
        tried("the hold lifted", lambda: s3.put_object_legal_hold(**one, LegalHold={"Status": "OFF"}))


def overwrites():
    put("other bytes", keys(), lambda name: b"{}")
    put("nothing at all", keys(), lambda name: b"")
    names = keys()
    for name, other in zip(names, names[1:] + names[:1]):
        source = {"Bucket": bucket, "Key": other}
        tried("another object's bytes", lambda: s3.copy_object(Bucket=bucket, Key=name, CopySource=source))
    # As seen in 2025: the bytes stay, under a key that only the thief has.
    customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    for name in names:
        tried("a key of the thief", lambda: s3.put_object(Bucket=bucket, Key=name, Body=b"x", **customer))
    begun = s3.create_multipart_upload(Bucket=bucket, Key=names[0])["UploadId"]
    part = {"Bucket": bucket, "Key": names[0], "UploadId": begun}
    tag = s3.upload_part(**part, PartNumber=1, Body=b"in parts")["ETag"]
    whole = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    tried("other bytes in parts", lambda: s3.complete_multipart_upload(**part, MultipartUpload=whole))


def squats():
    # Each root there is read by whoever looks for points: a hundred are as strange as a thousand.
    folders = {"roots/20990101T000000Z-": 100, "packs/": 1000, "sidecars/": 1000}
    names = [f"{prefix}{folder}{'f' * 32}-{n:016x}" for folder, count in folders.items() for n in range(count)]
    put("foreign objects", names, lambda name: name.encode())
    odd = ["roots/.hidden", "roots/with space", "roots/\u00e4\u20ac", "roots/" + "x" * 600, "roots/a/b", "roots/tab\tx"]
    odd += ["roots/\u202egpj", "roots/%2e%2e", "packs/.", "packs/a//b", "sidecars/-", "incoming/x", "canary/x", "roots/x/"]
    put("keys of odd names", [prefix + name for name in odd], lambda name: b"odd")
    # What once was true, under a name that is new.
    true = [version for version in versions() if "/roots/20" in version["Key"] and version["Size"] > 1000][-1]
    for name in ["roots/20980101T000000Z-" + "e" * 32 + "-" + "0" * 16, "packs/" + "e" * 32 + "-" + "0" * 16]:
        source = {"Bucket": bucket, "Key": true["Key"], "VersionId": true["VersionId"]}
        tried("a root said again", lambda: s3.copy_object(Bucket=bucket, Key=prefix + name, CopySource=source))


def settings():
    rule = {"ID": "gone", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": 1}
    rules = {"Rules": [rule]}
    tried("a lifecycle", lambda: s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=rules))
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:*"}
    everybody["Resource"] = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    tried("a bucket policy", lambda: s3.put_bucket_policy(Bucket=bucket, Policy=policy))
    suspended = {"Status": "Suspended"}
    tried("no versions", lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=suspended))
    default = {"Mode": "GOVERNANCE", "Days": 1}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": default}}
    change = lambda: s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
    tried("the bucket's own lock", change)
    off = {"ObjectLockEnabled": "Disabled"}
    disable = lambda: s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=off)
    tried("the bucket's lock off", disable)
    tried("delete the bucket", lambda: s3.delete_bucket(Bucket=bucket))
    tried("another prefix", lambda: s3.put_object(Bucket=bucket, Key="elsewhere/x", Body=b"x"))


globals()[group]()
print(json.dumps(said))
