"""Polar: its webhooks, and the calls to its API."""

from app.polar.client import PolarPayments, payments_of
from app.polar.processing import EventProcessor
from app.polar.webhook import PolarWebhook

__all__ = ["EventProcessor", "PolarPayments", "PolarWebhook", "payments_of"]
