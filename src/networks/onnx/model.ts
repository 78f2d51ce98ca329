import { bytesOf } from '../../core/bytes.js';
import {
  bytesField,
  floatField,
  integerField,
  message,
  messageField,
  textField,
  type Encoded,
} from '../../formats/protobuf.js';
import { toTorch } from '../../nn/parameters.js';
import { batchSize, type Attribute, type Constant, type Node, type Value } from './graph.js';
import type { RecordedNetwork } from './record.js';

/**
 * The first operator set with LayerNormalization, from 2022: what reads ONNX at all reads it. GELU, an operator since
 * set 20, is composed.
 */
const operatorSet = 17;
/** Of the file format, the one that came with that operator set. */
const irVersion = 8;

/** Field numbers of onnx.proto, message by message. */
const model = {
  irVersion: 1,
  producer: 2,
  producerVersion: 3,
  doc: 6,
  graph: 7,
  operatorSets: 8,
  metadata: 14,
};
const graphProto = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const nodeProto = { input: 1, output: 2, name: 3, operator: 4, attribute: 5 };
const attributeProto = { name: 1, float: 2, integer: 3, integers: 8, type: 20 };
const attributeType = { float: 1, integer: 2, integers: 7 };
const tensorProto = { shape: 1, type: 2, name: 8, raw: 9 };
const elementType = { float: 1, int64: 7 };
const valueInfo = { name: 1, type: 2, doc: 3 };
const [tensorType, elementTypeField, shapeField, dimension] = [1, 1, 2, 1];
const dimensionProto = { value: 1, name: 2 };
const operatorSetVersion = 2;
const metadataEntry = { key: 1, value: 2 };

export interface ModelDescription {
  readonly name: string;
  readonly producerVersion: string;
  readonly doc: string;
  /** Of the input. */
  readonly inputDoc: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The names under which a user of the file finds them. */
const inputName = 'images';
const outputName = 'logits';

/** The ModelProto of a recorded network, with the parameters' values of this moment. */
export function encodeModel({ graph, images, logits }: RecordedNetwork, about: ModelDescription): Encoded {
  const named = (name: string): string => (name === logits.name ? outputName : name);
  const parameters = [...graph.parameters.values()].map((parameter): Constant => ({
    name: parameter.name,
    ...toTorch(parameter),
  }));
  const body = [
    ...graph.nodes.map((node) => messageField(graphProto.node, encodeNode(node, named))),
    textField(graphProto.name, about.name),
    ...[...parameters, ...graph.constants].map((each) =>
      messageField(graphProto.initializer, encodeTensor(each)),
    ),
    messageField(graphProto.input, encodeValue(inputName, images, about.inputDoc)),
    messageField(
      graphProto.output,
      encodeValue(outputName, logits, 'one number a class; softmax gives probabilities'),
    ),
  ];
  return message([
    integerField(model.irVersion, irVersion),
    textField(model.producer, 'locallearn'),
    textField(model.producerVersion, about.producerVersion),
    textField(model.doc, about.doc),
    messageField(model.graph, body),
    messageField(model.operatorSets, [integerField(operatorSetVersion, operatorSet)]),
    ...Object.entries(about.metadata).map(([key, value]) =>
      messageField(model.metadata, [
        textField(metadataEntry.key, key),
        textField(metadataEntry.value, value),
      ]),
    ),
  ]);
}

function encodeNode(node: Node, named: (name: string) => string): Encoded[] {
  return [
    ...node.inputs.map((input) => textField(nodeProto.input, named(input))),
    ...node.outputs.map((output) => textField(nodeProto.output, named(output))),
    textField(nodeProto.name, node.name),
    textField(nodeProto.operator, node.operator),
    ...Object.entries(node.attributes).map(([name, value]) =>
      messageField(nodeProto.attribute, [textField(attributeProto.name, name), ...encodeAttribute(value)]),
    ),
  ];
}

function encodeAttribute(value: Attribute): Encoded[] {
  if (typeof value === 'number') {
    return [
      integerField(attributeProto.integer, value),
      integerField(attributeProto.type, attributeType.integer),
    ];
  }
  if ('float' in value) {
    return [
      floatField(attributeProto.float, value.float),
      integerField(attributeProto.type, attributeType.float),
    ];
  }
  return [
    ...value.map((each) => integerField(attributeProto.integers, each)),
    integerField(attributeProto.type, attributeType.integers),
  ];
}

function encodeTensor({ name, shape, values }: Constant): Encoded[] {
  const type = values instanceof Float32Array ? elementType.float : elementType.int64;
  return [
    ...shape.map((size) => integerField(tensorProto.shape, size)),
    integerField(tensorProto.type, type),
    textField(tensorProto.name, name),
    bytesField(tensorProto.raw, bytesOf(values)),
  ];
}

function encodeValue(name: string, { shape, order }: Value, doc: string): Encoded[] {
  const sizes = order.map((axis) => shape[axis]!);
  const dimensions = sizes.map((size) =>
    messageField(dimension, [
      size === batchSize ? textField(dimensionProto.name, 'batch') : integerField(dimensionProto.value, size),
    ]),
  );
  const type = [integerField(elementTypeField, elementType.float), messageField(shapeField, dimensions)];
  return [
    textField(valueInfo.name, name),
    messageField(valueInfo.type, [messageField(tensorType, type)]),
    textField(valueInfo.doc, doc),
  ];
}
