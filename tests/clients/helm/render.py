"""Renders the Helm chart, with each set of values that comes on standard input, as Kubernetes would be given it.

Prints the findings of a strict lint and of the API schemas for each set, and those for the chart with its own values and schema.
"""

import functools
import json
import sys

import helm_python as helm
import kubernetes_validate
import yaml

CHART = sys.argv[1]
# The oldest supported version, and the newest with schemas.
VERSIONS = ("1.30", kubernetes_validate.latest_version())

# It would read the same few megabytes again for every manifest.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)


def main():
    with helm.Chart.load(CHART) as chart:
        sets = json.load(sys.stdin)
        rendered = {name: render(chart, values) for name, values in sets.items()}
        json.dump({"values": chart.values, "schema": chart.schema, "metadata": chart.metadata, "sets": rendered}, sys.stdout)


def render(chart, values):
    try:
        chart.validate_schema(values)
        files = chart.render(values, name="demo", namespace="inbox")
    except helm.HelmError as error:
        return {"refused": str(error)}
    manifests = [
        manifest
        for name, text in files.items()
        if name.endswith(".yaml")
        for manifest in yaml.load_all(text, UniqueKeys)
        if manifest
    ]
    report = helm.lint(CHART, values, strict=True, kube_version=f"v{VERSIONS[0]}.0")
    complaints = report["errors"] + [fault for manifest in manifests for fault in faults(manifest)]
    return {"manifests": manifests, "complaints": complaints}


def faults(manifest):
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            yield f"{manifest['kind']} is unknown to Kubernetes {version}"
        except kubernetes_validate.ValidationError as error:
            yield f"{manifest['kind']} {list(error.path)} in {version}: {error.message}"


class UniqueKeys(yaml.CSafeLoader):
    """YAML in which a key that comes twice is an error, as it is for the API server."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise ValueError(f"a key comes twice: {keys}")
        return super().construct_mapping(node, deep)


main()
