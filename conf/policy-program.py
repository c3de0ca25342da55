#!/usr/bin/python3 -I
"""A policy program for [policy.exec], to start from (chancery-module(3), "Programs").

It reads the request as one JSON object and ends with its verdict: 0 issue, 2 deny, 3 leave it to an officer, 75 try again. Any other
end, an exception among them, is "try again" as well. What it prints can only narrow the certificate. Copy it to a folder of root's, make
it executable, and name it in chancery.conf:

    [policy]
    modules = enterprise exec
    [policy.exec]
    program = /etc/chancery/policy-program.py
"""
import json
import sys

ISSUE, DENY, PEND = 0, 2, 3
SITE = ".example.com"
CONTRACTORS = ",ou=contractors,dc=example,dc=com"
THIRTY_DAYS = 30 * 86400


def judge(request, requester, certificate):
    for name in certificate["names"]:
        kind, _, value = name.partition(":")
        if kind == "dns" and not value.endswith(SITE):
            if not request["resubmission"]:
                return PEND, {"message": f"{value} is outside {SITE}: an officer decides"}
    if request["key"]["algorithm"] == "rsa" and request["key"]["bits"] < 3072:
        return DENY, {"message": "RSA keys of this site have 3072 bits or more"}
    if (requester["dn"] or "").lower().endswith(CONTRACTORS):
        return ISSUE, {"message": "issued for 30 days", "properties": {"validity_s": THIRTY_DAYS}}
    return ISSUE, {}


told = json.load(sys.stdin)
verdict, answer = judge(told["request"], told["requester"], told["certificate"])
json.dump(answer, sys.stdout)
sys.exit(verdict)
