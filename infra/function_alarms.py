"""Two alarms for each function of the template: it fails again and again, and Lambda throttles it."""

from __future__ import annotations

from typing import Any

# An error of a function is often its verdict, such as a refusal. So many of them in a quarter of an hour are not.
KINDS: dict[str, dict[str, Any]] = {
    "Errors": {
        "Period": 900,
        "Threshold": 30,
    },
    "Throttles": {
        "Period": 300,
        "Threshold": 1,
    },
}


def alarms(resources: dict[str, Any]) -> dict[str, Any]:
    """`AssessFunction`, whose handler is `assess`, gets `AssessErrors` and `AssessThrottles`."""
    return {
        function.removesuffix("Function") + metric: {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": {"Fn::Sub": f"${{AWS::StackName}}-{resource['Properties']['Handler']}-{metric.lower()}"},
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": function}}],
                "Statistic": "Sum",
                "EvaluationPeriods": 1,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": [{"Ref": "AlarmTopic"}],
                **kind,
            },
        }
        for function, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
        for metric, kind in KINDS.items()
    }
