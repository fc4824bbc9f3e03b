from tortoise import migrations
from tortoise.migrations import operations as ops
from models.accounts.oauth_connections import OAuthProvider
from models.billing.pending_subscriptions import PendingSubscriptionStatus
from models.billing.plans import PlanTier
from models.billing.subscriptions import BillingInterval, SubscriptionProvider, SubscriptionStatus
from models.accounts.webhook_events import WebhookEventStatus
from models.builder.imports import ImportSource, ImportStatus
from models.fields import BooleanColumn, ChoiceColumn, DecimalColumn, IntegerColumn, JsonColumn, KeyColumn, SecretColumn, TextColumn, TimeColumn
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0002_indexes_and_checks')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Import',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose import it is.')),
                ('user_id', KeyColumn(description='Id of the user who asked for it.')),
                ('project', fields.ForeignKeyField('models.Project', source_field='project_id', description='Id of its project.', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION)),
                ('message', fields.ForeignKeyField('models.Message', source_field='message_id', null=True, description='Id of the message that asked for it.', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION)),
                ('source', ChoiceColumn(description='Where it comes from.', choices=ImportSource)),
                ('source_id', KeyColumn(description='Its id there.')),
                ('source_name', TextColumn(description='Its name there.', limit=500, blank=False)),
                ('source_url', TextColumn(description='Where it is, by http or https.', limit=2000, blank=False)),
                ('status', ChoiceColumn(default=ImportStatus.PENDING, description='How far it is.', choices=ImportStatus)),
                ('metadata', JsonColumn(null=True, description='What its source tells about it.')),
                ('error', TextColumn(null=True, description='What went wrong, in neutral words.', limit=20000, blank=False)),
            ],
            options={'table': 'project_import', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A Figma file or a GitHub repository that a project took over.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='ImportMark',
            fields=[
                ('row_id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Id of the row it became.')),
                ('digest', KeyColumn(description='Hash of the document as it was.')),
                ('row_updated_at', TimeColumn(description='When the row last changed, as that import wrote it.')),
                ('source', KeyColumn(description='The table of the source that it came from.')),
            ],
            options={'table': 'import_mark', 'app': 'models', 'pk_attr': 'row_id', 'table_description': 'What the last import of one source document was, no Record and no Change.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='OAuthConnection',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose connection it is.')),
                ('user_id', KeyColumn(description='Id of the user.')),
                ('provider', ChoiceColumn(description='The outside service.', choices=OAuthProvider)),
                ('access_token', SecretColumn(null=True, description='The token it is used with.', limit=20000, blank=False)),
                ('refresh_token', SecretColumn(null=True, description='Brings a new token.', limit=20000, blank=False)),
                ('expires_at', TimeColumn(null=True, description='When the token ends.')),
                ('scope', TextColumn(description="What it allows, in the provider's words.", limit=5000, blank=True)),
                ('metadata', JsonColumn(null=True, description='What the provider tells beside it.')),
            ],
            options={'table': 'oauth_connection', 'app': 'models', 'pk_attr': 'id', 'table_description': "A user's leave to use an outside service for them."},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='PendingSubscription',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('polar_subscription_id', KeyColumn(description="The subscription's id at Polar.")),
                ('customer_id', KeyColumn(description="The customer's id at Polar.")),
                ('event_data', JsonColumn(description='What Polar told of the subscription.')),
                ('status', ChoiceColumn(default=PendingSubscriptionStatus.PENDING, description='Whether it found its user.', choices=PendingSubscriptionStatus)),
                ('resolved_user_id', KeyColumn(null=True, description='Id of the user it was given to.')),
                ('error', TextColumn(null=True, description='What went wrong.', limit=20000, blank=False)),
                ('resolved_at', TimeColumn(null=True, description='When it was given to its user.')),
            ],
            options={'table': 'pending_subscription', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A subscription that waits for its user to sign up.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='PolarCustomer',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose customer record it is.')),
                ('user_id', KeyColumn(description='Id of the user.')),
                ('polar_customer_id', KeyColumn(description='The id at Polar.')),
            ],
            options={'table': 'polar_customer', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The customer that a user is at Polar.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='RateLimit',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('key', KeyColumn(description='What is limited, such as `user_<id>_<action>`.')),
                ('count', IntegerColumn(description='How often it was done in the window.', least=0, most=2147483647)),
                ('window_start', TimeColumn(description='When the window began.')),
                ('limit_count', IntegerColumn(description='How often it may be done in a window.', least=0, most=2147483647)),
                ('window_ms', IntegerColumn(description='How long a window is, in milliseconds.', least=1, most=9007199254740992)),
            ],
            options={'table': 'rate_limit', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What is counted under one key, in windows of a fixed length.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='Subscription',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose subscription it is.')),
                ('user_id', KeyColumn(description='Id of the user.')),
                ('provider', ChoiceColumn(default=SubscriptionProvider.MANUAL, description='Who keeps it.', choices=SubscriptionProvider)),
                ('plan_tier', ChoiceColumn(description='The plan it pays for.', choices=PlanTier)),
                ('polar_subscription_id', KeyColumn(null=True, description='Its id at Polar.')),
                ('customer_id', KeyColumn(null=True, description="The provider's id of the customer.")),
                ('product_id', KeyColumn(null=True, description="The provider's id of the product.")),
                ('price_id', KeyColumn(null=True, description="The provider's id of the price.")),
                ('status', ChoiceColumn(default=SubscriptionStatus.TRIALING, description='How it stands.', choices=SubscriptionStatus)),
                ('interval', ChoiceColumn(null=True, description='How often it is paid.', choices=BillingInterval)),
                ('current_period_start', TimeColumn(null=True, description='When the paid time began.')),
                ('current_period_end', TimeColumn(null=True, description='When the paid time ends.')),
                ('cancel_at_period_end', BooleanColumn(default=False, description='Whether it ends with the paid time.')),
                ('canceled_at', TimeColumn(null=True, description='When it was canceled.')),
                ('trial_start', TimeColumn(null=True, description='When the trial began.')),
                ('trial_end', TimeColumn(null=True, description='When the trial ends.')),
                ('metadata', JsonColumn(null=True, description='What the provider tells beside it.')),
            ],
            options={'table': 'subscription', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What one user pays for.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='Usage',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose credits they are.')),
                ('user_id', KeyColumn(description='Id of the user.')),
                ('points', DecimalColumn(description='Credits left until they are renewed.')),
                ('expire', TimeColumn(null=True, description='When they are renewed.')),
                ('plan_type', ChoiceColumn(null=True, description='The plan they were counted by.', choices=PlanTier)),
            ],
            options={'table': 'usage', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The credits of one user, renewed as a whole when they expire.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='WebhookEvent',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('event_id', KeyColumn(description='Its id at the sender, by which a repeated one is known.')),
                ('event_type', KeyColumn(description='What happened, such as `subscription.created`.')),
                ('status', ChoiceColumn(default=WebhookEventStatus.RECEIVED, description='How far it is.', choices=WebhookEventStatus)),
                ('payload', JsonColumn(description='What was sent.')),
                ('error', TextColumn(null=True, description='What went wrong.', limit=20000, blank=False)),
                ('processed_at', TimeColumn(null=True, description='When it was processed.')),
                ('retry_count', IntegerColumn(default=0, description='How often it was tried again.', least=0, most=2147483647)),
            ],
            options={'table': 'webhook_event', 'app': 'models', 'pk_attr': 'id', 'table_description': 'An event of an outside service, as it came.'},
            bases=['Record'],
        ),
        ops.AddField(
            model_name='AgentRun',
            name='held_at',
            field=TimeColumn(null=True, description='When it was held back after an import; a held run is not carried out until released.'),
        ),
        ops.AddField(
            model_name='Attachment',
            name='import_id',
            field=KeyColumn(null=True, description='Id of the import it came with.'),
        ),
        ops.AddField(
            model_name='User',
            name='operator',
            field=BooleanColumn(default=False, db_default=False, description='Whether this user runs the service.'),
        ),
        # The users who are there already needed the default, and nobody else does.
        ops.AlterField(
            model_name='User',
            name='operator',
            field=BooleanColumn(default=False, description='Whether this user runs the service.'),
        ),
        # Tortoise gives no comment to a column that it adds.
        ops.RunSQL(
            [
                "COMMENT ON COLUMN public.agent_run.held_at IS 'When it was held back after an import; a held run is not carried out until released.'",
                "COMMENT ON COLUMN public.attachment.import_id IS 'Id of the import it came with.'",
                "COMMENT ON COLUMN public.user_account.operator IS 'Whether this user runs the service.'",
            ]
        ),
    ]
