from tortoise import migrations
from tortoise.migrations import operations as ops
from decimal import Decimal
from models.billing.invoices import InvoiceStatus
from models.billing.usage_events import UsageMetric
from models.fields import BooleanColumn, ChoiceColumn, CostColumn, DecimalColumn, IntegerColumn, JsonColumn, KeyColumn, TextColumn, TimeColumn

class Migration(migrations.Migration):
    dependencies = [("models", "0027_credits_indexes")]

    initial = False

    operations = [
        ops.CreateModel(
            name='Invoice',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose invoice it is: the organisation.')),
                ('org_id', KeyColumn(description='Id of the organisation.')),
                ('billing_period', KeyColumn(description='The month of UTC that it is for, such as `2026-01`.')),
                ('amount', DecimalColumn(description='US dollars that it asks for; 0 while it is open.')),
                ('status', ChoiceColumn(default=InvoiceStatus.OPEN, description='How it stands.', choices=InvoiceStatus)),
            ],
            options={'table': 'invoice', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What an organisation used in one billing period, in US dollars.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='UsageEvent',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Who is charged: the owner of what it was used for, at that time.')),
                ('user_id', KeyColumn(null=True, description='Id of the user who asked for it.')),
                ('agent_id', KeyColumn(null=True, description='Id of the agent that it was used for.')),
                ('agent_name', TextColumn(null=True, description='What that agent was called.', limit=200, blank=False)),
                ('run_id', KeyColumn(null=True, description='Id of the run that it was used for.')),
                ('message_id', KeyColumn(null=True, description='Id of the message that it was used for.')),
                ('metric', ChoiceColumn(description='What is counted.', choices=UsageMetric)),
                ('quantity', IntegerColumn(description='How much: of tokens, all of the call.', least=0, most=2147483647)),
                ('model', TextColumn(null=True, description='The model.', limit=200, blank=False)),
                ('provider', KeyColumn(null=True, description='Who ran the model.')),
                ('feature', TextColumn(default='document-summary', description='What it was used for: `chat`, `app` or `title`, or what an import says.', limit=200, blank=False)),
                ('cost_usd', CostColumn(default=Decimal('0'), description='What it cost, in US dollars.')),
                ('price', JsonColumn(null=True, description='What a million tokens cost then, in US dollars.')),
                ('own_key', BooleanColumn(default=False, description="Whether the user's own key paid for it.")),
                ('measured', BooleanColumn(default=True, description='Whether the provider told how much it was.')),
                ('usage', JsonColumn(null=True, description='What the provider told of it.')),
                ('provider_metadata', JsonColumn(null=True, description='What else it told of the call.')),
                ('billing_period', KeyColumn(description='The month of UTC that it is charged in, such as `2026-01`.')),
            ],
            options={'table': 'usage_event', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Something that was used once, and what it cost.'},
            bases=['Record'],
        ),
    ]
