from tortoise import migrations
from tortoise.migrations import operations as ops
from models.accounts.webhook_events import WebhookSource
from models.billing.plans import PlanTier
from models.fields import BooleanColumn, ChoiceColumn, KeyColumn, TimeColumn

# Tortoise gives no comment to a column that it adds.
COMMENTS = [
    "COMMENT ON COLUMN public.pending_subscription.external_id IS 'What the customer is called by whoever sent them to Polar.'",
    "COMMENT ON COLUMN public.pending_subscription.plan_tier IS 'The plan it pays for.'",
    "COMMENT ON COLUMN public.subscription.lapses_at IS 'When it stops to count unless somebody tells more of it.'",
    "COMMENT ON COLUMN public.subscription.provider_at IS 'When the provider last changed what is told here.'",
    "COMMENT ON COLUMN public.user_account.premium_by_plan IS 'Whether a subscription made the user premium, and its end ends that.'",
    "COMMENT ON COLUMN public.webhook_event.source IS 'Who sent it.'",
    "COMMENT ON COLUMN public.webhook_event.try_at IS 'When it is to be tried; null once it is through.'",
]
# What the identity provider sent was kept with nothing but whom it is about.
SOURCES = """\
UPDATE webhook_event
SET source = CASE WHEN payload ? 'subject' THEN 'identity' ELSE 'polar' END"""
FILL = [
    SOURCES,
    "UPDATE user_account SET premium_by_plan = false",
    "UPDATE pending_subscription SET plan_tier = 'free'",
]


class Migration(migrations.Migration):
    dependencies = [("models", "0029_metering_indexes")]

    initial = False

    operations = [
        ops.AddField(
            model_name="PendingSubscription",
            name="external_id",
            field=KeyColumn(
                null=True, description="What the customer is called by whoever sent them to Polar."
            ),
        ),
        ops.AddField(
            model_name="PendingSubscription",
            name="plan_tier",
            field=ChoiceColumn(
                null=True,
                default=PlanTier.FREE,
                description="The plan it pays for.",
                choices=PlanTier,
            ),
        ),
        ops.AddField(
            model_name="Subscription",
            name="lapses_at",
            field=TimeColumn(
                null=True, description="When it stops to count unless somebody tells more of it."
            ),
        ),
        ops.AddField(
            model_name="Subscription",
            name="provider_at",
            field=TimeColumn(
                null=True, description="When the provider last changed what is told here."
            ),
        ),
        ops.AddField(
            model_name="User",
            name="premium_by_plan",
            field=BooleanColumn(
                null=True,
                default=False,
                description="Whether a subscription made the user premium, and its end ends that.",
            ),
        ),
        ops.AddField(
            model_name="WebhookEvent",
            name="source",
            field=ChoiceColumn(
                null=True,
                default=WebhookSource.POLAR,
                description="Who sent it.",
                choices=WebhookSource,
            ),
        ),
        ops.AddField(
            model_name="WebhookEvent",
            name="try_at",
            field=TimeColumn(
                null=True, description="When it is to be tried; null once it is through."
            ),
        ),
        ops.RunSQL([*COMMENTS, *FILL]),
        ops.AlterField(
            model_name="PendingSubscription",
            name="plan_tier",
            field=ChoiceColumn(
                default=PlanTier.FREE, description="The plan it pays for.", choices=PlanTier
            ),
        ),
        ops.AlterField(
            model_name="User",
            name="premium_by_plan",
            field=BooleanColumn(
                default=False,
                description="Whether a subscription made the user premium, and its end ends that.",
            ),
        ),
        ops.AlterField(
            model_name="WebhookEvent",
            name="source",
            field=ChoiceColumn(
                default=WebhookSource.POLAR, description="Who sent it.", choices=WebhookSource
            ),
        ),
    ]
