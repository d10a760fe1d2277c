"""The approved templates that every account of the simulator begins with: one of each kind."""

from local.simulator.storage.templates import Template, Templates


def ensure_samples(templates: Templates, *, waba_id: str) -> None:
    """Give an account that has no template these; one that has any stays as it is."""
    if not templates.of_account(waba_id):
        for sample in SAMPLES:
            templates.put(waba_id, Template.model_validate(sample.model_dump(exclude={"id"})))


SAMPLES = (
    Template(
        name="hello_world",
        language="en_US",
        components=[
            {"type": "HEADER", "format": "TEXT", "text": "Hello World"},
            {"type": "BODY", "text": "Welcome and congratulations! This message shows that your"
             " number can send message templates."},
            {"type": "FOOTER", "text": "WhatsApp Business Platform sample message"},
        ],
    ),
    Template(
        name="appointment_reminder",
        language="en_US",
        components=[
            {"type": "BODY", "text": "Hello {{1}}, this is a reminder of your appointment on {{2}}"
             " at {{3}}.",
             "example": {"body_text": [["Grace", "Monday", "10:30"]]}},
            {"type": "FOOTER", "text": "You can answer this message."},
            {"type": "BUTTONS", "buttons": [
                {"type": "QUICK_REPLY", "text": "Confirm"},
                {"type": "QUICK_REPLY", "text": "Reschedule"},
            ]},
        ],
    ),
    Template(
        name="appointment_reminder",
        language="es",
        components=[
            {"type": "BODY", "text": "Hola, {{1}}: le recordamos su cita del {{2}} a las {{3}}.",
             "example": {"body_text": [["Grace", "lunes", "10:30"]]}},
            {"type": "BUTTONS", "buttons": [
                {"type": "QUICK_REPLY", "text": "Confirmar"},
                {"type": "QUICK_REPLY", "text": "Cambiar"},
            ]},
        ],
    ),
    Template(
        name="conversation_follow_up",
        language="en_US",
        parameter_format="NAMED",
        components=[
            {"type": "BODY", "text": "Hi {{first_name}}, we have an answer to your question about"
             " {{subject}}. Reply to this message to go on.",
             "example": {"body_text_named_params": [
                 {"param_name": "first_name", "example": "Grace"},
                 {"param_name": "subject", "example": "your order"},
             ]}},
        ],
    ),
    Template(
        name="order_shipped",
        language="en_US",
        components=[
            {"type": "HEADER", "format": "DOCUMENT",
             "example": {"header_handle": ["https://example.com/invoice.pdf"]}},
            {"type": "BODY", "text": "Your order {{1}} is on its way. The invoice is attached.",
             "example": {"body_text": [["A-1024"]]}},
            {"type": "BUTTONS", "buttons": [
                {"type": "URL", "text": "Track the parcel",
                 "url": "https://example.com/track/{{1}}",
                 "example": ["https://example.com/track/A-1024"]},
                {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+15550783881"},
            ]},
        ],
    ),
    Template(
        name="seasonal_offer",
        language="en_US",
        category="MARKETING",
        components=[
            {"type": "HEADER", "format": "IMAGE",
             "example": {"header_handle": ["https://example.com/offer.jpg"]}},
            {"type": "BODY", "text": "{{1}}, everything is 20 % off until {{2}}!",
             "example": {"body_text": [["Grace", "Sunday"]]}},
            {"type": "FOOTER", "text": "Not interested? Tap Stop promotions."},
            {"type": "BUTTONS", "buttons": [
                {"type": "QUICK_REPLY", "text": "Show me"},
                {"type": "QUICK_REPLY", "text": "Stop promotions"},
            ]},
        ],
    ),
    Template(
        name="one_time_code",
        language="en_US",
        category="AUTHENTICATION",
        components=[
            {"type": "BODY", "text": "*{{1}}* is your verification code.",
             "example": {"body_text": [["123456"]]}},
            {"type": "FOOTER", "text": "This code expires in 10 minutes."},
            {"type": "BUTTONS", "buttons": [
                {"type": "URL", "text": "Copy code",
                 "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}",
                 "example": ["https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp1"]},
            ]},
        ],
    ),
)  # fmt: skip
