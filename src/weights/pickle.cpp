// SPDX-License-Identifier: Apache-2.0
#include "src/weights/pickle.h"

#include <cstddef>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "src/weights/mapped_file.h"

namespace vggt {
namespace {

using Value = PickleValue;
using Kind = Value::Kind;

constexpr size_t kMaxRank = 64;

struct DtypeName {
  const char* storage;  // class torch.<storage>, null: only as an untyped storage
  const char* name;     // torch.<name>
  at::ScalarType type;
};

constexpr DtypeName kDtypes[] = {
    {"DoubleStorage", "float64", at::kDouble},
    {"FloatStorage", "float32", at::kFloat},
    {"HalfStorage", "float16", at::kHalf},
    {"BFloat16Storage", "bfloat16", at::kBFloat16},
    {nullptr, "float8_e4m3fn", at::kFloat8_e4m3fn},
    {nullptr, "float8_e5m2", at::kFloat8_e5m2},
    {"LongStorage", "int64", at::kLong},
    {"IntStorage", "int32", at::kInt},
    {"ShortStorage", "int16", at::kShort},
    {"CharStorage", "int8", at::kChar},
    {nullptr, "uint64", at::kUInt64},
    {nullptr, "uint32", at::kUInt32},
    {nullptr, "uint16", at::kUInt16},
    {"ByteStorage", "uint8", at::kByte},
    {"BoolStorage", "bool", at::kBool},
};

class PickleReader {
 public:
  explicit PickleReader(std::string_view bytes) : bytes_(bytes) {}

  Pickle run() {
    while (true) {
      const auto opcode = static_cast<unsigned char>(take(1).front());
      if (opcode == '.') break;
      step(opcode);
    }
    require(stack_.size() == 1 && marks_.empty(), "the pickle ends with a broken stack");
    return {.values = std::move(values_), .root = stack_.front()};
  }

 private:
  std::string_view take(uint64_t size) {
    require(size <= bytes_.size() - position_, "the pickle is truncated");
    const std::string_view taken = bytes_.substr(position_, size);
    position_ += size;
    return taken;
  }

  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  std::string_view line() {
    const size_t end = bytes_.find('\n', position_);
    require(end != std::string_view::npos, "the pickle is truncated");
    const std::string_view text = take(end - position_);
    take(1);
    return text;
  }

  Value* make(Kind kind) {
    values_.emplace_back().kind = kind;
    return &values_.back();
  }

  void push(Value* value) { stack_.push_back(value); }
  void push_other() { push(make(Kind::kOther)); }

  void push_integer(int64_t integer) {
    push(make(Kind::kInteger));
    stack_.back()->integer = integer;
  }

  void push_string(std::string_view text) {
    push(make(Kind::kString));
    stack_.back()->text = text;
  }

  // Values below the last mark belong to a container that is still open.
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  Value* top() {
    require(stack_.size() > floor(), "the pickle takes from an empty stack");
    return stack_.back();
  }

  Value* pop() {
    Value* const value = top();
    stack_.pop_back();
    return value;
  }

  std::vector<Value*> pop_to_mark() {
    require(!marks_.empty(), "the pickle lacks a mark");
    std::vector<Value*> values(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()),
                               stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return values;
  }

  void push_container(Kind kind, std::vector<Value*> items) {
    require(kind != Kind::kDict || items.size() % 2 == 0, "a dict has a key without a value");
    push(make(kind));
    stack_.back()->items = std::move(items);
  }

  void push_tuple_of(size_t size) {
    std::vector<Value*> items(size);
    for (size_t i = size; i-- > 0;) items[i] = pop();
    push_container(Kind::kTuple, std::move(items));
  }

  void extend(Kind kind, const std::vector<Value*>& items) {
    Value* const container = top();
    require(container->kind == kind, "the pickle adds to something that is not a container");
    require(kind != Kind::kDict || items.size() % 2 == 0, "a dict has a key without a value");
    container->items.insert(container->items.end(), items.begin(), items.end());
  }

  void recall(uint32_t index) {
    const auto found = memo_.find(index);
    require(found != memo_.end(), "the pickle recalls a value that it never stored");
    push(found->second);
  }

  void step(unsigned char opcode);
  void push_long(size_t size);
  void push_global(std::string name);
  void push_storage();
  void build();
  void reduce();
  Value* rebuild_tensor(const Value& arguments, bool names_dtype);

  std::string_view bytes_;
  size_t position_ = 0;
  std::deque<Value> values_;
  std::vector<Value*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, Value*> memo_;
};

// The opcodes of protocols 0 to 5 that plain data and tensors need, by the letters of Python's
// pickletools.
void PickleReader::step(unsigned char opcode) {
  switch (opcode) {
    case 0x80:  // PROTO
      require(number<uint8_t>() <= 5, "the pickle's protocol is newer than 5");
      return;
    case 0x95:  // FRAME
      take(8);
      return;
    case '(':  // MARK
      return marks_.push_back(stack_.size());
    case '0':  // POP
      pop();
      return;
    case 'N':   // NONE
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      return push_other();
    case 'G':  // BINFLOAT
      take(8);
      return push_other();
    case 'J':  // BININT
      return push_integer(number<int32_t>());
    case 'K':  // BININT1
      return push_integer(number<uint8_t>());
    case 'M':  // BININT2
      return push_integer(number<uint16_t>());
    case 0x8a:  // LONG1
      return push_long(number<uint8_t>());
    case 'X':  // BINUNICODE
      return push_string(take(number<uint32_t>()));
    case 0x8c:  // SHORT_BINUNICODE
      return push_string(take(number<uint8_t>()));
    case 'B':  // BINBYTES
      take(number<uint32_t>());
      return push_other();
    case 'C':  // SHORT_BINBYTES
      take(number<uint8_t>());
      return push_other();
    case ')':  // EMPTY_TUPLE
      return push_container(Kind::kTuple, {});
    case ']':  // EMPTY_LIST
      return push_container(Kind::kList, {});
    case '}':  // EMPTY_DICT
      return push_container(Kind::kDict, {});
    case 't':  // TUPLE
      return push_container(Kind::kTuple, pop_to_mark());
    case 'l':  // LIST
      return push_container(Kind::kList, pop_to_mark());
    case 'd':  // DICT
      return push_container(Kind::kDict, pop_to_mark());
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
      return push_tuple_of(opcode - 0x84u);
    case 'a': {  // APPEND
      Value* const item = pop();
      return extend(Kind::kList, {item});
    }
    case 'e':  // APPENDS
      return extend(Kind::kList, pop_to_mark());
    case 's': {  // SETITEM
      Value* const item = pop();
      Value* const key = pop();
      return extend(Kind::kDict, {key, item});
    }
    case 'u':  // SETITEMS
      return extend(Kind::kDict, pop_to_mark());
    case 'q':  // BINPUT
      memo_[number<uint8_t>()] = top();
      return;
    case 'r':  // LONG_BINPUT
      memo_[number<uint32_t>()] = top();
      return;
    case 0x94: {  // MEMOIZE
      const auto index = static_cast<uint32_t>(memo_.size());
      memo_[index] = top();
      return;
    }
    case 'h':  // BINGET
      return recall(number<uint8_t>());
    case 'j':  // LONG_BINGET
      return recall(number<uint32_t>());
    case 'c': {  // GLOBAL
      const std::string module(line());
      return push_global(module + " " + std::string(line()));
    }
    case 0x93: {  // STACK_GLOBAL
      const Value* const name = pop();
      const Value* const module = pop();
      require(name->kind == Kind::kString && module->kind == Kind::kString, "a class has no name");
      return push_global(module->text + " " + name->text);
    }
    case 'Q':  // BINPERSID
      return push_storage();
    case 'b':  // BUILD
      return build();
    case 'R':  // REDUCE
      return reduce();
    default:
      throw ArchiveError("the pickle's opcode " + std::to_string(opcode) +
                         " is not one of plain data and tensors");
  }
}

void PickleReader::push_long(size_t size) {
  const std::string_view digits = take(size);
  if (size > sizeof(int64_t)) return push_other();  // a counter or a seed; no size of a tensor
  const bool negative = size > 0 && (digits.back() & 0x80) != 0;
  int64_t integer = negative ? -1 : 0;
  std::memcpy(&integer, digits.data(), size);
  push_integer(integer);
}

// The only classes and functions that have a meaning here; none of them is ever called.
void PickleReader::push_global(std::string name) {
  std::optional<at::ScalarType> dtype;
  for (const DtypeName& known : kDtypes) {
    const bool is_storage = known.storage && name == std::string("torch ") + known.storage;
    if (is_storage || name == std::string("torch ") + known.name) dtype = known.type;
  }
  const bool known =
      dtype || name == "torch.storage UntypedStorage" || name == "torch Size" ||
      name == "collections OrderedDict" || name == "torch._utils _rebuild_tensor_v2" ||
      name == "torch._utils _rebuild_tensor_v3" || name == "torch._utils _rebuild_parameter" ||
      name == "torch._utils _rebuild_parameter_with_state";
  if (!known) {
    throw ArchiveError("it asks for the Python object " + quote(name) +
                       ", which is not executed; save model.state_dict() alone");
  }
  Value* const global = make(Kind::kGlobal);
  global->text = std::move(name);
  global->dtype = dtype;
  push(global);
}

// ("storage", class, key, device, number of elements); an untyped storage counts bytes.
void PickleReader::push_storage() {
  const Value* const id = pop();
  const auto& items = id->items;
  require(id->kind == Kind::kTuple && items.size() == 5 && items[0]->text == "storage" &&
              items[1]->kind == Kind::kGlobal && items[2]->kind == Kind::kString &&
              items[4]->kind == Kind::kInteger,
          "a storage is malformed");
  Value* const storage = make(Kind::kStorage);
  storage->text = items[2]->text;
  storage->dtype = items[1]->dtype;
  require(storage->dtype || items[1]->text == "torch.storage UntypedStorage",
          "a storage has no element type");
  const auto item_size =
      static_cast<int64_t>(storage->dtype ? c10::elementSize(*storage->dtype) : 1);
  require(items[4]->integer >= 0 &&
              !__builtin_mul_overflow(items[4]->integer, item_size, &storage->integer),
          "a storage's number of elements is out of range");
  push(storage);
}

// Sets attributes of an object: state_dict() has _metadata, versions of its modules.
void PickleReader::build() {
  pop();
  require(top()->kind == Kind::kDict, "it sets attributes of something that is not a dict");
}

void PickleReader::reduce() {
  const Value* const arguments = pop();
  const Value* const function = pop();
  require(function->kind == Kind::kGlobal && arguments->kind == Kind::kTuple,
          "the pickle calls something that is not a function");
  const auto& items = arguments->items;
  if (function->text == "collections OrderedDict") {
    require(items.empty(), "an OrderedDict has arguments");
    push_container(Kind::kDict, {});
  } else if (function->text == "torch Size") {
    push_other();
  } else if (function->text == "torch._utils _rebuild_tensor_v2") {
    push(rebuild_tensor(*arguments, false));
  } else if (function->text == "torch._utils _rebuild_tensor_v3") {
    push(rebuild_tensor(*arguments, true));
  } else if (function->text.starts_with("torch._utils _rebuild_parameter")) {
    require(!items.empty() && items[0]->kind == Kind::kTensor, "a parameter has no tensor");
    push(items[0]);
  } else {
    throw ArchiveError("the pickle calls " + quote(function->text) + ", which is not a function");
  }
}

std::vector<int64_t> integers_of(const Value& value) {
  require(value.kind == Kind::kTuple && value.items.size() <= kMaxRank,
          "a tensor's size or stride is not a tuple of at most 64");
  std::vector<int64_t> integers;
  for (const Value* item : value.items) {
    require(item->kind == Kind::kInteger, "a tensor's size or stride is not an integer");
    integers.push_back(item->integer);
  }
  return integers;
}

// (storage, offset, size, stride, requires_grad, hooks, [dtype in version 3], [metadata])
Value* PickleReader::rebuild_tensor(const Value& arguments, bool names_dtype) {
  const auto& items = arguments.items;
  const size_t count = names_dtype ? 7 : 6;
  require((items.size() == count || items.size() == count + 1) &&
              items[0]->kind == Kind::kStorage && items[1]->kind == Kind::kInteger,
          "a tensor's arguments are malformed");
  // The metadata says that the values are stored conjugated or negated.
  require(items.size() == count || items[count]->items.empty(), "a tensor is lazily negated");
  const auto dtype = names_dtype ? items[6]->dtype : items[0]->dtype;
  require(dtype.has_value(), "a tensor has no element type");
  Value* const tensor = make(Kind::kTensor);
  tensor->text = items[0]->text;
  tensor->storage_bytes = items[0]->integer;
  tensor->dtype = dtype;
  tensor->integer = items[1]->integer;
  tensor->sizes = integers_of(*items[2]);
  tensor->strides = integers_of(*items[3]);
  return tensor;
}

}  // namespace

void require(bool condition, const char* reason) {
  if (!condition) throw ArchiveError(reason);
}

Pickle read_pickle(std::string_view bytes) { return PickleReader(bytes).run(); }

}  // namespace vggt
