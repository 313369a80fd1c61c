# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Schemas of other releases, made from the one on this machine by what those releases lack or have more."""

import json

from switch import SCHEMA

COUNT = {"type": "integer"}
TEXT = {"type": {"key": "string", "min": 0, "max": 1}}
MAP = {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}}
SINCE_2_17 = {"Interface": {"ingress_policing_kpkts_rate": COUNT, "ingress_policing_kpkts_burst": COUNT}}
SINCE_3_3 = {
    "Datapath": {"ct_zone_default_limit": {"type": {"key": {"type": "integer", "minInteger": 0}, "min": 0, "max": 1}}},
    "CT_Zone": {"limit": {"type": {"key": {"type": "integer", "minInteger": 0}, "min": 0, "max": 1}}},
    "IPFIX": {"stats_interval": COUNT, "template_interval": COUNT},
}
SINCE_3_5 = {"Mirror": {"filter": TEXT}, "Flow_Sample_Collector_Set": {"local_group_id": COUNT}}
# What no release has yet, in the tables that the modules write.
SOME_DAY = {table: {"new_text": TEXT, "new_map": MAP, "new_count": COUNT} for table in ("Open_vSwitch", "Bridge", "Port", "Interface", "Controller")}
LATER = (SINCE_2_17, SINCE_3_3, SINCE_3_5)

# Release: the schema's version and what it has of the later columns.
RELEASES = {
    "2.13": ("8.2.0", ()),
    "2.17": ("8.3.0", (SINCE_2_17,)),
    "3.1": ("8.3.1", (SINCE_2_17,)),
    "3.3": ("8.5.1", (SINCE_2_17, SINCE_3_3)),
    "3.5": ("8.8.0", (SINCE_2_17, SINCE_3_3, SINCE_3_5)),
    "some day": ("9.0.0", (SINCE_2_17, SINCE_3_3, SINCE_3_5, SOME_DAY)),
}
# What a switch much older than those does not have.
MISSING_LONG_AGO = {"Open_vSwitch": ("dpdk_initialized", "dpdk_version", "iface_types", "datapath_types"), "Interface": ("mtu_request",)}


def installed():
    with open(SCHEMA) as file:
        return json.load(file)


def write(path, schema):
    schema.pop("cksum", None)
    path.write_text(json.dumps(schema))
    return str(path)


def release(path, name):
    schema = installed()
    schema["version"], columns = RELEASES[name]
    for group in LATER:
        for table, names in group.items():
            for column in names:
                schema["tables"][table]["columns"].pop(column, None)
    for group in columns:
        for table, names in group.items():
            schema["tables"][table]["columns"].update(names)
    return write(path, schema)


def long_ago(path):
    schema = installed()
    schema["version"] = "7.12.1"
    for table, names in MISSING_LONG_AGO.items():
        for column in names:
            del schema["tables"][table]["columns"][column]
    return write(path, schema)


def foreign(path):
    return write(path, {"name": "Something_Else", "version": "1.0.0", "tables": {"Thing": {"columns": {"name": TEXT}, "isRoot": True}}})
