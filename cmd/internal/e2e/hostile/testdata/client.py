"""A broker made of the .proto files alone.

It uses the messages that protoc generates and the generic calls of grpcio, and
nothing of the agent's own code. It locates a patient, reads the whole record,
reads one document, is refused once, and prints what came as JSON.

    client.py GENERATED ADDRESS CA CERTIFICATE KEY NHS_NUMBER FAMILY BIRTH_DATE
"""

import hashlib
import json
import sys

import grpc

GENERATED, ADDRESS, CA, CERTIFICATE, KEY, NUMBER, FAMILY, BORN = sys.argv[1:]
sys.path.insert(0, GENERATED)

import status_pb2  # noqa: E402
from mcr.edge.v1 import access_pb2, record_pb2  # noqa: E402

SERVICE = "/mcr.edge.v1.RecordService/"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def connect():
    """Returns a channel over TLS with certificates at both ends."""
    credentials = grpc.ssl_channel_credentials(read(CA), read(KEY), read(CERTIFICATE))
    name = (("grpc.ssl_target_name_override", "localhost"),)
    return grpc.secure_channel(ADDRESS, credentials, name)


def asking(number):
    return record_pb2.Context(
        request_id="python-" + number,
        software="client.py 1",
        requester=record_pb2.Requester(
            user_id="py-1", user_name="Dr Python", role_code="R0260", organisation="RWH"
        ),
        purpose=record_pb2.PURPOSE_TREAT,
        permission=record_pb2.PERMISSION_ASKED,
        subject=record_pb2.Subject(nhs_number=number, family_name=FAMILY, birth_date=BORN),
    )


def locate(channel):
    call = channel.unary_unary(
        SERVICE + "LocatePatient",
        request_serializer=record_pb2.LocatePatientRequest.SerializeToString,
        response_deserializer=record_pb2.LocatePatientResponse.FromString,
    )
    answer = call(record_pb2.LocatePatientRequest(context=asking(NUMBER)), timeout=30)
    return {"family": answer.opening.family_name, "sections": len(answer.sections)}


def get_record(channel):
    call = channel.unary_stream(
        SERVICE + "GetRecord",
        request_serializer=record_pb2.GetRecordRequest.SerializeToString,
        response_deserializer=record_pb2.GetRecordResponse.FromString,
    )
    openings, records, outcomes, closings = [], [], [], []
    for message in call(record_pb2.GetRecordRequest(context=asking(NUMBER)), timeout=30):
        if message.HasField("opening"):
            openings.append(message.opening)
        records.extend(message.records)
        outcomes.extend(message.outcomes)
        if message.HasField("closing"):
            closings.append(message.closing)
    sent = {}
    for record in records:
        resource = json.loads(record.resource)
        if (resource["resourceType"], resource["id"]) != (record.resource_type, record.id):
            raise ValueError("a resource is not the one that its record says it is")
        sent[record.section] = sent.get(record.section, 0) + 1
    asked = [v.number for v in record_pb2.Section.DESCRIPTOR.values if v.number]
    documents = [r.id for r in records if r.section == record_pb2.SECTION_DOCUMENTS]
    return documents, {
        "openings": len(openings),
        "closings": len(closings),
        "decision": closings[0].decision.sequence,
        "records": len(records),
        "one_outcome_each": sorted(o.section for o in outcomes) == sorted(asked),
        "numbers_agree": all(
            o.sent == sent.get(o.section, 0)
            and o.rows_read == o.sent + o.withheld + o.outside_period + o.failed
            for o in outcomes
        ),
        "states": sorted({record_pb2.SectionState.Name(o.state) for o in outcomes}),
    }


def get_document(channel, document):
    call = channel.unary_stream(
        SERVICE + "GetDocument",
        request_serializer=record_pb2.GetDocumentRequest.SerializeToString,
        response_deserializer=record_pb2.GetDocumentResponse.FromString,
    )
    content, size, digest = b"", None, None
    request = record_pb2.GetDocumentRequest(context=asking(NUMBER), document_id=document)
    for message in call(request, timeout=30):
        if message.HasField("opening"):
            size = message.opening.size
        content += message.chunk
        if message.HasField("closing"):
            digest = message.closing.digest
    return {
        "bytes": len(content),
        "size_agrees": size in (len(content), -1),
        "digest_agrees": digest == hashlib.sha256(content).hexdigest(),
    }


def refused(channel):
    """Asks with a number that is none. The refusal is a detail of the status."""
    call = channel.unary_stream(
        SERVICE + "GetRecord",
        request_serializer=record_pb2.GetRecordRequest.SerializeToString,
        response_deserializer=record_pb2.GetRecordResponse.FromString,
    )
    try:
        list(call(record_pb2.GetRecordRequest(context=asking("7777777777")), timeout=30))
    except grpc.RpcError as error:
        refusal = access_pb2.Refusal()
        for key, value in error.trailing_metadata():
            if key == "grpc-status-details-bin":
                status_pb2.Status.FromString(value).details[0].Unpack(refusal)
        return {"status": error.code().name, "code": refusal.code, "entry": refusal.journal_sequence}
    raise ValueError("a bad request was answered")


def main():
    with connect() as channel:
        located = locate(channel)
        documents, record = get_record(channel)
        document = get_document(channel, documents[0])
        print(json.dumps({"located": located, "record": record, "document": document, "refused": refused(channel)}))


main()
